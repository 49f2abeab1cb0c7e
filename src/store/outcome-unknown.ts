import { NetworkError } from '../common/error.ts';

/**
 * UNAVAILABLE where a commit may or may not have been carried out: its answer was lost on the way.
 * Read its keys before anything is built on it, and expect it to arrive late.
 */
export class OutcomeUnknown extends NetworkError {
  constructor(reason: string, cause?: unknown) {
    super('UNAVAILABLE', `${reason}; whether it was written is not known: read it again`, { cause });
  }
}
