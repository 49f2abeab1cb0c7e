/** One finding of `netctl doctor`. */
export interface Finding {
  /** `ok` and `note` ask for nothing; `warning` and `error` do. */
  readonly level: 'ok' | 'note' | 'warning' | 'error';
  /** What it is about: `kernel`, `links`, `sandboxes`, `packet filter`, `forwarding`, `ports`, `names`, `plugins`, `cluster`. */
  readonly subject: string;
  readonly message: string;
  readonly remedy?: string;
}
