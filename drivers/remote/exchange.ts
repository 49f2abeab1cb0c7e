/** One call of a plugin and what became of it, as `--trace` prints it. */
export interface Exchange {
  /** Name of the plugin. */
  readonly plugin: string;
  /** Path of its socket, or its URL. */
  readonly place: string;
  /** `NetworkDriver.Join` */
  readonly method: string;
  /** Undefined where the protocol has no body. */
  readonly request: unknown;
  /** Parsed JSON, or text that is none; undefined when nothing came. */
  readonly answer: unknown;
  /** HTTP status; undefined when nothing came. */
  readonly status?: number;
  /** Why it counts as failed: what the plugin said, or what came in the way. */
  readonly error?: string;
  /** Milliseconds from the first byte sent to the last one read. */
  readonly ms: number;
}
