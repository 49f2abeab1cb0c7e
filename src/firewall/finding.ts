/** Something about the packet filter that a person should know. */
export interface FirewallFinding {
  readonly level: 'note' | 'warning' | 'error';
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string;
}
