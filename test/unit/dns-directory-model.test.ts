import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { parseAddress } from '../../src/common/address.ts';
import { Directory } from '../../src/dns/directory.ts';
import type { Asker, DirectoryChange, NamedEndpoint, NamedNetwork } from '../../src/dns/names.ts';
import { reverseName } from '../../src/dns/reverse-name.ts';
import { asker, endpoint, look, network } from '../support/dns-questions.ts';

/** The rules of names, said as plainly as possible: it looks at everything each time. */
class Oracle {
  readonly networks = new Map<string, NamedNetwork>();
  asker: Asker | undefined;

  apply(change: DirectoryChange): void {
    if (change.change === 'set-network') this.networks.set(change.network.id, change.network);
    if (change.change === 'remove-network') this.networks.delete(change.id);
    if (change.change === 'set-asker') this.asker = change.asker;
    if (change.change === 'remove-asker') this.asker = undefined;
    if (change.change === 'set-endpoint') this.#edit(change.network, change.endpoint.id, [change.endpoint]);
    if (change.change === 'remove-endpoint') this.#edit(change.network, change.endpoint, []);
  }

  look(name: string, family: 4 | 6): readonly string[] | string {
    const { asker: who } = this;
    if (who === undefined) return ['REFUSED'];
    const seen = who.networks.flatMap((id) => this.networks.get(id) ?? []);
    const extra = who.extraHosts.filter((host) => host.name === name).map((host) => host.address);
    return (
      best(seen.map((each) => this.#linked(each, name)), family) ??
      best([extra], family) ??
      best(seen.map((each) => named(each, name)), family) ??
      best(seen.map((each) => this.#withNetwork(each, name)), family) ??
      'forward'
    );
  }

  /** Canonical names behind an address. */
  back(address: string): readonly string[] | string {
    if (this.asker === undefined) return ['REFUSED'];
    const extra = this.asker.extraHosts.find((host) => host.address === address);
    if (extra !== undefined) return ['NOERROR', extra.name];
    for (const each of this.asker.networks.flatMap((id) => this.networks.get(id) ?? [])) {
      const found = each.endpoints.filter(({ addresses }) => addresses.includes(address)).map(({ names: [first] }) => `${first ?? ''}.${each.name}`);
      if (found.length > 0) return ['NOERROR', ...found.toSorted()];
    }
    return 'forward';
  }

  #linked(each: NamedNetwork, name: string): readonly string[] {
    const alias = this.asker?.aliases.find((link) => link.name === name);
    return each.endpoints.filter((member) => member.id === alias?.endpoint).flatMap((member) => member.addresses);
  }

  #withNetwork(each: NamedNetwork, name: string): readonly string[] {
    if (!name.endsWith(`.${each.name}`)) return [];
    const rest = name.slice(0, -each.name.length - 1);
    const linked = this.#linked(each, rest);
    return linked.length > 0 ? linked : named(each, rest);
  }

  #edit(id: string, leaving: string, coming: readonly NamedEndpoint[]): void {
    const there = this.networks.get(id);
    if (there !== undefined) this.networks.set(id, { ...there, endpoints: [...there.endpoints.filter((member) => member.id !== leaving), ...coming] });
  }
}

/** Addresses of a name in a network. */
function named(each: NamedNetwork, name: string): readonly string[] {
  return each.endpoints.filter(({ names: its }) => its.includes(name)).flatMap((member) => member.addresses);
}

/** Of the networks in which a name is known, the first that has the family answers; nothing where it is known in none. */
function best(networks: readonly (readonly string[])[], family: 4 | 6): readonly string[] | undefined {
  const wanted = networks.map((each) => each.filter((address) => parseAddress(address).family === family));
  const known = networks.some((each) => each.length > 0);
  return known ? ['NOERROR', ...(wanted.find((each) => each.length > 0) ?? []).toSorted()] : undefined;
}

const NETWORKS = ['n', 'm', 'x.n'];
const NAMES = ['a', 'b', 'c', 'a.x', 'b.n'];
const ADDRESSES = ['10.0.0.1', '10.0.0.2', '10.0.0.3', 'fd00::1', 'fd00::2'];

const names = fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 });
const addresses = fc.uniqueArray(fc.constantFrom(...ADDRESSES), { minLength: 1, maxLength: 2 });
const id = fc.constantFrom('e1', 'e2', 'e3');
const member = fc.tuple(id, names, addresses).map(([each, its, at]) => endpoint(each, its, at));
const members = fc.uniqueArray(member, { maxLength: 3, selector: (each) => each.id });
// one alias each: which of two goes first is nobody's business here
const aliases = fc.uniqueArray(fc.record({ name: fc.constantFrom(...NAMES), endpoint: id }, { noNullPrototype: true }), { maxLength: 2, selector: ({ name }) => name });
const extraHosts = fc.uniqueArray(fc.record({ name: fc.constantFrom('a', 'extra'), address: fc.constantFrom('10.0.0.1', '192.0.2.1', '2001:db8::1') }, { noNullPrototype: true }), { maxLength: 2, selector: ({ address }) => address });

const change: fc.Arbitrary<DirectoryChange> = fc.oneof(
  fc.tuple(fc.constantFrom(...NETWORKS), members).map(([name, endpoints]) => ({ change: 'set-network', network: network(name, endpoints) }) as const),
  fc.constantFrom(...NETWORKS).map((name) => ({ change: 'remove-network', id: name }) as const),
  { weight: 5, arbitrary: fc.tuple(fc.constantFrom(...NETWORKS), member).map(([name, each]) => ({ change: 'set-endpoint', network: name, endpoint: each }) as const) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom(...NETWORKS), id).map(([name, each]) => ({ change: 'remove-endpoint', network: name, endpoint: each }) as const) },
  fc.tuple(fc.subarray(NETWORKS), aliases, extraHosts).map(([on, links, hosts]) => ({ change: 'set-asker', asker: asker(on, { aliases: links, extraHosts: hosts }) }) as const),
  { weight: 1, arbitrary: fc.constant({ change: 'remove-asker', id: 'me' } as const) },
);

const QUESTIONS = [...NAMES, 'extra', ...NAMES.flatMap((name) => NETWORKS.map((each) => `${name}.${each}`))];

describe('the directory after any changes', () => {
  it('answers by the plain rules', () => {
    fc.assert(
      fc.property(fc.subarray(NETWORKS), fc.array(change, { minLength: 3, maxLength: 25 }), (on, changes) => {
        const directory = new Directory();
        const oracle = new Oracle();
        for (const each of [{ change: 'set-asker', asker: asker(on) } as const, ...NETWORKS.map((name) => ({ change: 'set-network', network: network(name, []) }) as const), ...changes]) {
          directory.apply(each);
          oracle.apply(each);
        }
        for (const name of QUESTIONS) {
          assert.deepEqual(look(directory, name, 'A'), oracle.look(name, 4), `${name} A`);
          assert.deepEqual(look(directory, name, 'AAAA'), oracle.look(name, 6), `${name} AAAA`);
        }
        for (const address of [...ADDRESSES, '192.0.2.1', '2001:db8::1']) assert.deepEqual(look(directory, reverseName(parseAddress(address)), 'PTR'), oracle.back(address), address);
      }),
      { numRuns: 150 },
    );
  });
});
