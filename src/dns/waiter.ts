import type { AskerState } from './asker-state.ts';

/** The way back to one asker. */
export interface Route {
  /** @returns false when the answer could not be sent: nobody is there any more */
  send(answer: Buffer): boolean;
}

/** A query that waits for an answer from outside. */
export interface Waiter {
  readonly state: AskerState;
  readonly packet: Uint8Array;
  /** Bytes that the way back carries without EDNS: 512 for UDP, 65535 for TCP. */
  readonly limit: number;
  readonly route: Route;
  /** When it came, by the clock. */
  readonly since: number;
}
