/** Questions of one asker, or of all, since the server was opened. Plain data, which crosses threads. */
export interface DnsCounts {
  /** Everything that came, malformed packets included. */
  readonly queries: number;
  /** Answered from what has a name here, or that it has none. */
  readonly local: number;
  /** Asked of a server outside; also those that waited for the answer to somebody else's equal question. */
  readonly forwarded: number;
  /** Answered from what a server outside said before. */
  readonly cached: number;
  /** Answers by response code: local and forwarded ones together. */
  readonly nxdomain: number;
  readonly servfail: number;
  readonly refused: number;
  /** No query at all, or its answer could not be sent: nothing went back. */
  readonly dropped: number;
  /** Not as RFC 1035 has it: answered FORMERR where it had a header. */
  readonly malformed: number;
  /** Forwarded, and no server answered in time. */
  readonly timeouts: number;
  /** Answers by the time they took, reading the query to sending the answer: entry i counts those of less than 2^i µs and at least half of that. */
  readonly latency: readonly number[];
}

/** Counts of one sandbox. */
export interface AskerCounts extends DnsCounts {
  /** Sandbox id. */
  readonly id: string;
  /** Questions that wait for an answer from outside at this moment. */
  readonly waiting: number;
  /** TCP connections that are open at this moment. */
  readonly connections: number;
}

/** What the server has done. */
export interface DnsStats {
  /** All askers, those that are gone and strangers at a gateway included. */
  readonly all: DnsCounts;
  /** Those that are there. */
  readonly askers: readonly AskerCounts[];
}
