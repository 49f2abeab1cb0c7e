/**
 * What went wrong, in words that do not change between releases. Doors (CLI, HTTP, Docker) map
 * each code once; nothing branches on message text.
 */
export const ERROR_CODES = [
  'INVALID', // the request is malformed: a bad name, CIDR, option or port
  'EXISTS', // the name or address is taken
  'NOT_FOUND', // no such network, sandbox, endpoint, driver
  'IN_USE', // still referenced: active endpoints, a busy host port
  'EXHAUSTED', // no address, subnet or port is left
  'FORBIDDEN', // well-formed, but not for this caller or object
  'UNSUPPORTED', // this kernel or machine lacks what was asked for
  'UNAVAILABLE', // the daemon, store or engine cannot be reached
  'KERNEL', // the kernel refused; errno and its own text are attached
  'CORRUPT', // stored state cannot be trusted
  'ABORTED', // the caller gave up
  'INTERNAL', // a defect of ours
] as const;

/** One of {@link ERROR_CODES}. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** What a kernel call said when it refused. */
export interface KernelReason {
  /** Positive errno, e.g. 17. */
  readonly errno: number;
  /** Its symbol, e.g. `EEXIST`. */
  readonly symbol: string;
  /** The kernel's own extended-ACK sentence, where it gave one. */
  readonly text?: string;
}

/**
 * The one error of this project. The message is a single line that names the value, the reason
 * and the way out.
 *
 * @example
 * ```ts
 * throw new NetworkError('INVALID', `subnet '${text}' has host bits set; did you mean ${fixed}?`);
 * ```
 */
export class NetworkError extends Error {
  readonly code: ErrorCode;
  readonly kernel: KernelReason | undefined;

  constructor(code: ErrorCode, message: string, detail: { cause?: unknown; kernel?: KernelReason } = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'NetworkError';
    this.code = code;
    this.kernel = detail.kernel;
  }

  /** The given thing as a NetworkError: itself, or wrapped as INTERNAL (ABORTED for an abort). */
  static from(thrown: unknown): NetworkError {
    if (thrown instanceof NetworkError) return thrown;
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    const code = error.name === 'AbortError' ? 'ABORTED' : 'INTERNAL';
    return new NetworkError(code, error.message, { cause: error });
  }
}
