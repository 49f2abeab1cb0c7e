/** What one asker may take, and how long somebody is waited for. Times in ms. */
export interface DnsLimits {
  /** Questions of one asker that wait for an answer from outside. */
  readonly waiting: number;
  /** Different questions that are asked outside at once. Beyond it whoever has {@link share} of them gets no more. */
  readonly asked: number;
  readonly share: number;
  /** TCP connections of one asker: the one that has been silent longest makes room. */
  readonly connections: number;
  /** A TCP connection that neither asks nor takes its answers for this long is closed. */
  readonly idle: number;
  /** After this a server is not given up, but the next one is asked too. */
  readonly patience: number;
  /** Servers that are asked one question, the same one again where there are no more. */
  readonly tries: number;
  /** A server that did not answer is asked last for this long. */
  readonly shunned: number;
  /** Bytes for answers from outside that are remembered, about. */
  readonly cache: number;
}

/**
 * The Docker engine lets 1024 questions of a container wait, and asks three servers. Three times
 * 1.5 s are less than the 5 s after which a resolver gives up itself (resolv.conf(5), `timeout`).
 */
export const DEFAULT_LIMITS: DnsLimits = {
  waiting: 1024,
  asked: 16_384,
  share: 16,
  connections: 64,
  idle: 8000,
  patience: 1500,
  tries: 3,
  shunned: 10_000,
  cache: 4 << 20,
};
