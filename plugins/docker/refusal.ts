import { NetworkError } from '../../src/common/error.ts';

/** A refusal as both protocols want it: NetworkDriver reads `Err`, IpamDriver `Error`. */
export interface Refusal {
  readonly Err: string;
  readonly Error: string;
}

/** What the docker user sees of an error: one line. */
export function refusal(thrown: unknown): Refusal {
  const error = NetworkError.from(thrown);
  const line = error.message.replaceAll(/\s*[\r\n]+\s*/g, ' ');
  const text = error.code === 'INTERNAL' ? `internal error: ${line}; the daemon's log has more` : line;
  return { Err: text, Error: text };
}
