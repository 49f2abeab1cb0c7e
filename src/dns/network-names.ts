import { parseAddress } from '../common/address.ts';
import { Answers } from './answers.ts';
import type { Target } from './answers.ts';
import { NameTable } from './name-table.ts';
import { encodeName, keyOf, keyOfText } from './name.ts';
import type { NamedEndpoint, NamedNetwork } from './names.ts';
import { prefixOf, reverseName } from './reverse-name.ts';
import type { Prefix } from './reverse-name.ts';
import { serviceNumbers } from './services.ts';
import { HOST_NAME, isFound } from './special-names.ts';

/** Something with a name in a network: an endpoint, or the host. */
interface Member {
  readonly asker: string | undefined;
  readonly addresses: readonly string[];
  /** Keys of its names and of its addresses' names. */
  readonly names: readonly string[];
  readonly reverseNames: readonly string[];
  /** What each of its names leads to, and each of its addresses. */
  readonly answers: Answers;
  readonly back: Answers;
}

/** Tables of one network. Endpoints come and go in a time that depends on how many share their names, not on how many there are. */
export class NetworkNames {
  /** The network's own name, as names may end with it; undefined for one that no message can carry. */
  readonly suffix: Uint8Array | undefined;
  readonly subnets: readonly Prefix[];
  readonly names: NameTable<Answers> = new NameTable();
  readonly reverseNames: NameTable<Answers> = new NameTable();
  readonly #name: string;
  readonly #members = new Map<string, Member>();
  readonly #byAddress = new Map<string, Member>();
  /** Answers of names that several share; those of one member are its own. */
  readonly #shared = new WeakSet<Answers>();

  /** @throws {NetworkError} INVALID for an address or subnet that is none */
  constructor(network: NamedNetwork) {
    this.#name = network.name;
    this.suffix = encodeName(network.name.toLowerCase());
    this.subnets = network.subnets.map(prefixOf);
    const host = { asker: undefined, addresses: network.hostAddresses, services: [] };
    if (network.hostAddresses.length > 0) this.#put(HOST_MEMBER, memberOf(host, [keyOf(HOST_NAME)], HOST_NAME));
    for (const endpoint of network.endpoints) this.set(endpoint);
  }

  /** Adds an endpoint, or changes it. @throws {NetworkError} INVALID for an address that is none */
  set(endpoint: NamedEndpoint): void {
    const good = endpoint.names.filter(isFound);
    const keys = new Set(good.flatMap((name) => keyOfText(name) ?? []));
    this.#put(endpoint.id, memberOf(endpoint, [...keys], this.#ownName(good[0])));
  }

  remove(endpoint: string): void {
    const member = this.#members.get(endpoint);
    if (member === undefined) return;
    this.#members.delete(endpoint);
    for (const name of member.names) this.#part(this.names, name, member.answers);
    for (const name of member.reverseNames) this.#part(this.reverseNames, name, member.back);
    for (const address of member.addresses) {
      if (this.#byAddress.get(address) === member) this.#byAddress.delete(address);
    }
  }

  /** What the endpoint's names lead to. */
  answersOf(endpoint: string): Answers | undefined {
    return this.#members.get(endpoint)?.answers;
  }

  /** The sandbox that has an address here. */
  askerAt(address: string): string | undefined {
    return this.#byAddress.get(address)?.asker;
  }

  /** FIRST.NETWORK, or FIRST where that is no name. */
  #ownName(first: string | undefined): Uint8Array | undefined {
    return first === undefined ? undefined : (encodeName(`${first.replace(/\.$/, '')}.${this.#name}`) ?? encodeName(first));
  }

  #put(id: string, member: Member): void {
    this.remove(id);
    this.#members.set(id, member);
    for (const name of member.names) this.#join(this.names, name, member.answers);
    for (const name of member.reverseNames) this.#join(this.reverseNames, name, member.back);
    for (const address of member.addresses) this.#byAddress.set(address, member);
  }

  #join(table: NameTable<Answers>, key: string, answers: Answers): void {
    const there = table.get(key);
    if (there === undefined) return table.set(key, answers);
    if (this.#shared.has(there)) return there.add(answers);
    const shared = new Answers();
    shared.add(there);
    shared.add(answers);
    this.#shared.add(shared);
    table.set(key, shared);
  }

  #part(table: NameTable<Answers>, key: string, answers: Answers): void {
    const there = table.get(key);
    if (there === undefined) return;
    if (this.#shared.has(there)) there.remove(answers);
    if (there === answers || there.isEmpty) table.delete(key);
  }
}

/** No endpoint has this id. */
const HOST_MEMBER = '';

function memberOf(of: Pick<NamedEndpoint, 'asker' | 'addresses' | 'services'>, names: readonly string[], ownName: Uint8Array | undefined): Member {
  const addresses = of.addresses.map(parseAddress);
  const answers = Answers.to(addresses);
  if (ownName !== undefined) answers.targets.push({ name: ownName, services: serviceNumbers(of.services), answers } satisfies Target);
  return {
    asker: of.asker,
    addresses: of.addresses,
    names,
    reverseNames: ownName === undefined ? [] : addresses.flatMap((address) => keyOfText(reverseName(address)) ?? []),
    answers,
    back: ownName === undefined ? new Answers() : Answers.back(ownName),
  };
}
