import { AnswerWriter } from './answer-writer.ts';
import type { Answers } from './answers.ts';
import type { Asker, DirectoryChange, NamedEndpoint, NamedNetwork } from './names.ts';
import { NetworkNames } from './network-names.ts';
import { CLASS_IN, RCODE, TYPE } from './protocol.ts';
import { Query, SILENCE } from './query.ts';
import { ReverseName } from './reverse-name.ts';
import { readService } from './services.ts';
import { OWN_DOMAIN } from './special-names.ts';
import { View } from './view.ts';

/** What becomes of a query: the bytes of its answer, which has been written, or that others have to be asked, or silence. */
export type Verdict = 'forward' | 'drop' | number;

/** How many labels of `_port._proto.name` stand before the name. */
const SERVICE_LABELS = 2;

/**
 * Who is called what, and the answers to whoever asks. An answer costs what the asker's own networks
 * cost to look into; how many others there are, and how many endpoints, does not matter.
 */
export class Directory {
  readonly #networks = new Map<string, NetworkNames>();
  readonly #askers = new Map<string, View>();
  readonly #query = new Query();
  readonly #reverse = new ReverseName();
  readonly #writer: AnswerWriter;

  /** @param random in which order several addresses of one name come. Default: `Math.random` */
  constructor(random: () => number = Math.random) {
    this.#writer = new AnswerWriter(random);
  }

  /** Adds a network, or changes everything about it. @throws {NetworkError} INVALID for an address or subnet that is none */
  setNetwork(network: NamedNetwork): void {
    this.#networks.set(network.id, new NetworkNames(network));
  }

  removeNetwork(id: string): void {
    this.#networks.delete(id);
  }

  /** Adds an endpoint to a network, or changes it; nothing happens where the network is not known. @throws {NetworkError} INVALID for an address that is none */
  setEndpoint(network: string, endpoint: NamedEndpoint): void {
    this.#networks.get(network)?.set(endpoint);
  }

  removeEndpoint(network: string, endpoint: string): void {
    this.#networks.get(network)?.remove(endpoint);
  }

  /** Adds somebody who may ask, or changes what it sees. Its networks may come later. @throws {NetworkError} INVALID for an extra host whose address is none */
  setAsker(asker: Asker): void {
    this.#askers.set(asker.id, new View(asker, this.#networks));
  }

  removeAsker(id: string): void {
    this.#askers.delete(id);
  }

  /** Any of the above, as data. @throws {NetworkError} INVALID */
  apply(change: DirectoryChange): void {
    switch (change.change) {
      case 'set-network':
        return this.setNetwork(change.network);
      case 'remove-network':
        return this.removeNetwork(change.id);
      case 'set-endpoint':
        return this.setEndpoint(change.network, change.endpoint);
      case 'remove-endpoint':
        return this.removeEndpoint(change.network, change.endpoint);
      case 'set-asker':
        return this.setAsker(change.asker);
      case 'remove-asker':
        return this.removeAsker(change.id);
    }
  }

  /** Who asks from a plain, canonical address of a network: a sandbox id, or undefined for nobody that is known. */
  askerAt(network: string, address: string): string | undefined {
    return this.#networks.get(network)?.askerAt(address);
  }

  /**
   * Answers the packet between `start` and `end`, if the answer is known here. Nothing is allocated, and
   * nothing thrown whatever the packet holds.
   *
   * @param out gets the answer, from its beginning; another buffer than `query`
   * @param limit bytes that the way back carries without EDNS: 512 for UDP, 65535 for TCP
   */
  answer(asker: string, query: Uint8Array, start: number, end: number, out: Uint8Array, limit: number): Verdict {
    const problem = this.#query.read(query, start, end);
    if (problem === SILENCE || !this.#writer.begin(this.#query, out, limit)) return 'drop';
    if (problem !== RCODE.NOERROR) return this.#writer.finish(problem);
    const view = this.#askers.get(asker);
    const { type } = this.#query;
    // Zones are not handed out, and what other classes know (`version.bind`) is nobody's business.
    const refused = view === undefined || this.#query.class !== CLASS_IN || type === TYPE.AXFR || type === TYPE.IXFR;
    if (refused) return this.#writer.finish(RCODE.REFUSED);
    return this.#reverse.read(this.#query) ? this.#answerReverse(view) : this.#answerName(view);
  }

  /** The free addresses of a network have no name: asking others for it would tell them of private networks (RFC 6303). */
  #answerReverse(view: View): Verdict {
    const answers = view.findAddress(this.#query);
    if (answers !== undefined) return this.#write(answers);
    if (!view.knowsAll(this.#reverse)) return this.#answerName(view);
    // Names on the way to an address exist (RFC 8020 §2).
    return this.#writer.finish(this.#reverse.isOnTheWay ? RCODE.NOERROR : RCODE.NXDOMAIN);
  }

  #answerName(view: View): Verdict {
    const query = this.#query;
    const service = readService(query.bytes, query.nameStart, query.labels, query.labelCount);
    const answers = view.find(query, service === undefined ? 0 : SERVICE_LABELS);
    if (answers === undefined) return this.#answerUnknown(view);
    if (service === undefined) return this.#write(answers);
    if (!answers.offers(service)) return this.#writer.finish(RCODE.NXDOMAIN);
    if (query.type === TYPE.SRV || query.type === TYPE.ANY) this.#writer.services(answers.targets, service);
    return this.#writer.finish(RCODE.NOERROR);
  }

  #answerUnknown(view: View): Verdict {
    const { type, labelCount } = this.#query;
    const own = this.#query.labelOfSuffix(OWN_DOMAIN);
    if (own >= 0) return this.#writer.finish(own === 0 ? RCODE.NOERROR : RCODE.NXDOMAIN);
    const isAddress = type === TYPE.A || type === TYPE.AAAA;
    if (view.forwards && !(view.keepsSingleLabels && labelCount === 1 && isAddress)) return 'forward';
    // In a world without outside it is true. That the root does not exist would not be.
    return this.#writer.finish(labelCount > 0 ? RCODE.NXDOMAIN : RCODE.REFUSED);
  }

  #write(answers: Answers): Verdict {
    this.#writer.records(answers.of(this.#query.type));
    return this.#writer.finish(RCODE.NOERROR);
  }
}
