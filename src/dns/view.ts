import type { Answers } from './answers.ts';
import { hashName } from './name-table.ts';
import type { Asker } from './names.ts';
import type { NetworkNames } from './network-names.ts';
import { OwnNames } from './own-names.ts';
import type { OwnName } from './own-names.ts';
import type { Query } from './query.ts';
import type { ReverseName } from './reverse-name.ts';
import { LOCAL_SUBNETS, LOCALHOST, LOCALHOST_ANSWERS, REVERSE_ANSWERS } from './special-names.ts';

/**
 * What one asker sees: its own names, then those of its networks, best network first, each also as
 * `name.network`. It holds no copy of them: five hundred askers see one table.
 */
export class View {
  /** Whether there is anybody to ask about other names. */
  readonly forwards: boolean;
  /** Whether a name of one label that is not known is nobody's. */
  readonly keepsSingleLabels: boolean;
  readonly #ids: readonly string[];
  readonly #networks: ReadonlyMap<string, NetworkNames>;
  readonly #own: OwnNames | undefined;

  /**
   * @param networks all that are known, by id; those of the asker are looked up when it asks
   * @throws {NetworkError} INVALID for an extra host whose address is none
   */
  constructor(asker: Asker, networks: ReadonlyMap<string, NetworkNames>) {
    this.forwards = asker.servers.length > 0 || asker.mayUseHostServers;
    this.keepsSingleLabels = (asker.ndots ?? 0) > 0;
    this.#ids = asker.networks;
    this.#networks = networks;
    this.#own = asker.aliases.length + asker.extraHosts.length > 0 ? new OwnNames(asker) : undefined;
  }

  /**
   * What the question's name, from one of its labels on, leads to; undefined when nobody has it. A name
   * that has no records of the question's type in one network may have them in the next.
   */
  find(query: Query, from: number): Answers | undefined {
    const start = query.nameStart + (query.labels[from] ?? 0);
    const end = query.nameEnd;
    if (start >= end) return undefined;
    const hash = hashName(query.bytes, start, end);
    const own = this.#own?.names.find(hash, query.bytes, start, end);
    let known = own === undefined ? undefined : this.#followOwn(own, query.type);
    if (known !== undefined) return known;
    // Before the networks': a neighbour who calls itself so would get what others meant for themselves.
    if (query.labelOfSuffix(LOCALHOST) >= from) return LOCALHOST_ANSWERS;
    for (const id of this.#ids) {
      const found = this.#networks.get(id)?.names.find(hash, query.bytes, start, end);
      if (found?.has(query.type) === true) return found;
      known ??= found;
    }
    return known ?? this.#findWithNetwork(query, from);
  }

  /** As {@link find}, for the name of an address. */
  findAddress(query: Query): Answers | undefined {
    const { bytes, nameStart, nameEnd } = query;
    const hash = hashName(bytes, nameStart, nameEnd);
    const found = this.#own?.reverseNames.find(hash, bytes, nameStart, nameEnd) ?? REVERSE_ANSWERS.find(hash, bytes, nameStart, nameEnd);
    if (found !== undefined) return found;
    for (const id of this.#ids) {
      const there = this.#networks.get(id)?.reverseNames.find(hash, bytes, nameStart, nameEnd);
      if (there !== undefined) return there;
    }
    return undefined;
  }

  /** Whether every name of the address can be known here. */
  knowsAll(address: ReverseName): boolean {
    if (address.isWithin(LOCAL_SUBNETS)) return true;
    for (const id of this.#ids) {
      const network = this.#networks.get(id);
      if (network !== undefined && address.isWithin(network.subnets)) return true;
    }
    return false;
  }

  /** `name.network`, where both may have dots. */
  #findWithNetwork(query: Query, from: number): Answers | undefined {
    const { bytes, nameStart, labels } = query;
    const start = nameStart + (labels[from] ?? 0);
    let known: Answers | undefined;
    for (const id of this.#ids) {
      const network = this.#networks.get(id);
      const split = network?.suffix === undefined ? -1 : query.labelOfSuffix(network.suffix);
      if (network === undefined || split <= from) continue;
      const end = nameStart + (labels[split] ?? 0);
      const hash = hashName(bytes, start, end);
      const own = this.#own?.names.find(hash, bytes, start, end);
      const found = followLinks(own, network, query.type) ?? network.names.find(hash, bytes, start, end);
      if (found?.has(query.type) === true) return found;
      known ??= found;
    }
    return known;
  }

  /** A link goes before an extra host; one whose endpoint is away leaves the name to others. */
  #followOwn(own: OwnName, type: number): Answers | undefined {
    let known: Answers | undefined;
    for (const id of this.#ids) {
      const found = followLinks(own, this.#networks.get(id), type);
      if (found?.has(type) === true) return found;
      known ??= found;
    }
    return known ?? own.hosts;
  }
}

/** What the linked endpoints have in a network. */
function followLinks(own: OwnName | undefined, network: NetworkNames | undefined, type: number): Answers | undefined {
  if (own === undefined || network === undefined) return undefined;
  let known: Answers | undefined;
  for (const link of own.links) {
    const found = network.answersOf(link);
    if (found?.has(type) === true) return found;
    known ??= found;
  }
  return known;
}
