import { NetworkError } from '../../src/common/error.ts';
import { Directory } from '../../src/dns/directory.ts';
import type { DnsPorts, DnsServer } from '../../src/dns/dns-server.ts';
import type { DnsCounts, DnsStats } from '../../src/dns/dns-stats.ts';
import type { DirectoryChange } from '../../src/dns/names.ts';
import { decodeReply, encodeQuestion } from '../../src/dns/query-message.ts';

const COUNTS: DnsCounts = { queries: 0, local: 0, forwarded: 0, cached: 0, nxdomain: 0, servfail: 0, refused: 0, dropped: 0, malformed: 0, timeouts: 0, latency: [] };

/** A name server without a socket: it notes what it is told, and answers from it. */
export class RecordingNames implements DnsServer {
  readonly changes: DirectoryChange[] = [];
  /** Namespaces by asker. */
  readonly listening: Map<string, string> = new Map();
  /** Addresses by network. */
  readonly gateways: Map<string, string[]> = new Map();
  /** Refuses to listen there, with this error. */
  readonly refusals: Map<string, NetworkError> = new Map();
  closed = false;
  /** From now on nothing of it works any more, as when its thread has crashed. */
  broken = false;
  readonly #directory = new Directory(() => 0);
  #nextPort = 40_000;

  async update(changes: readonly DirectoryChange[]): Promise<void> {
    this.#check();
    for (const change of changes) this.#directory.apply(change);
    this.changes.push(...changes);
  }

  async listen(asker: string, namespace: string): Promise<DnsPorts> {
    this.#check();
    const refusal = this.refusals.get(namespace);
    if (refusal !== undefined) throw refusal;
    this.listening.set(asker, namespace);
    this.#nextPort += 2;
    return { udp: this.#nextPort, tcp: this.#nextPort + 1 };
  }

  async unlisten(asker: string): Promise<void> {
    this.#check();
    this.listening.delete(asker);
  }

  async listenOnGateway(network: string, address: string): Promise<void> {
    this.#check();
    const refusal = this.refusals.get(address);
    if (refusal !== undefined) throw refusal;
    this.gateways.set(network, [...(this.gateways.get(network) ?? []), address]);
  }

  async unlistenOnGateway(network: string): Promise<void> {
    this.#check();
    this.gateways.delete(network);
  }

  async stats(): Promise<DnsStats> {
    return { all: COUNTS, askers: [...this.listening.keys()].map((id) => ({ id, waiting: 0, connections: 0, ...COUNTS })) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed = true;
    this.listening.clear();
  }

  /** What a name leads to for an asker: addresses or targets; `forward`, or an RCODE without records. */
  ask(asker: string, name: string, type?: string): string[] | string {
    const question = encodeQuestion(1, name, type);
    const answer = Buffer.alloc(65_535);
    const verdict = this.#directory.answer(asker, question, 0, question.length, answer, answer.length);
    if (typeof verdict !== 'number') return verdict;
    const { rcode, answers } = decodeReply(answer.subarray(0, verdict));
    return rcode === 'NOERROR' ? answers.map(({ data }) => data) : rcode;
  }

  #check(): void {
    if (this.closed) throw new NetworkError('UNAVAILABLE', 'the name server was closed');
    if (this.broken) throw new NetworkError('INTERNAL', 'the thread is gone');
  }
}
