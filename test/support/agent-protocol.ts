/** tcp, udp, or sctp in the style of tcp. */
export type Proto = 'tcp' | 'udp' | 'sctp';

/** Start a server. */
export interface ServeRequest {
  readonly do: 'serve';
  readonly id: number;
  readonly proto: Proto;
  /** Path of the network namespace, inside the host; the agent's own unless told. */
  readonly network?: string;
  /** Plain address to bind; `::` takes both families, but for udp. */
  readonly address: string;
  readonly port: number;
  readonly text: string;
  /** answer: `TEXT from PEER-ADDRESS PEER-PORT` and the end; echo: everything comes back with TEXT before it, the connection stays. */
  readonly mode: 'answer' | 'echo';
}

/** Open a connection (tcp) or a connected socket (udp); `probe` also says something and waits for an answer. */
export interface OpenRequest {
  readonly do: 'open' | 'probe';
  readonly id: number;
  readonly proto: Proto;
  /** Path of the network namespace, inside the host; the agent's own unless told. */
  readonly network?: string;
  readonly address: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly sourceAddress?: string;
  readonly sourcePort?: number;
}

/** Send on an open flow and wait for what comes back; the reply is empty when nothing does. */
interface SendRequest {
  readonly do: 'send';
  readonly id: number;
  /** Id of the `open` request. */
  readonly of: number;
  readonly text: string;
  readonly timeoutMs: number;
}

/** Close what the request `of` opened. */
interface CloseRequest {
  readonly do: 'close';
  readonly id: number;
  readonly of: number;
}

/** One line to the agent. */
export type AgentRequest = ServeRequest | OpenRequest | SendRequest | CloseRequest;

/** One line from the agent. */
export interface AgentReply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** What became of a connection attempt. */
export interface ProbeResult {
  /** connected: tcp, open but silent. closed: tcp, accepted and closed again without a word. refused: RST or ICMP port unreachable. unreachable: any other refusal, e.g. no route. */
  readonly outcome: 'answered' | 'connected' | 'closed' | 'refused' | 'unreachable' | 'timeout';
  /** What the server said. */
  readonly answer: string;
  /** Symbol of the error, e.g. `EHOSTUNREACH`; empty without one. */
  readonly error: string;
  readonly local: { readonly address: string; readonly port: number } | undefined;
  /** Milliseconds that it took. */
  readonly ms: number;
}
