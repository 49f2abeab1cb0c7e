import { NetworkError } from '../../src/common/error.ts';
import { quote } from '../../src/common/quote.ts';
import type { HostView } from '../driver.ts';

/** A VLAN sub-interface: `eth0.100` on `eth0`. */
export interface SubInterface {
  readonly name: string;
  readonly below: string;
  readonly id: number;
}

/**
 * The sub-interfaces that have to be there for a parent and that are ours to make, the lowest first:
 * none for a link that exists, two for `eth0.100.200` on a bare `eth0`.
 * @param made names of those that other networks have made already
 * @throws {NetworkError} NOT_FOUND for a link that is not there, INVALID for a VLAN id that is none, EXISTS for one that has another name
 */
export function subInterfaces(parent: string, host: HostView, made: ReadonlySet<string>): SubInterface[] {
  if (!made.has(parent) && host.links.some(({ name }) => name === parent)) return [];
  const sub = split(parent);
  if (sub === undefined) throw missing(parent, host);
  const below = subInterfaces(sub.below, host, made);
  const id = vlanId(sub);
  const other = host.links.find(({ name, vlan }) => vlan?.below === sub.below && vlan.id === id && name !== parent);
  if (other !== undefined) throw new NetworkError('EXISTS', `VLAN ${id} of ${quote(sub.below)} is there already as ${quote(other.name)}: use -o parent=${other.name}`);
  return [...below, { name: parent, below: sub.below, id }];
}

function split(name: string): { readonly name: string; readonly below: string; readonly tag: string } | undefined {
  const at = name.lastIndexOf('.');
  return at < 1 ? undefined : { name, below: name.slice(0, at), tag: name.slice(at + 1) };
}

/** The sub-interface that a name stands for; its id was checked when it was made. */
export function subInterface(name: string): SubInterface {
  const { below = '', tag = '' } = split(name) ?? {};
  return { name, below, id: Number(tag) };
}

function vlanId({ name, tag }: { readonly name: string; readonly tag: string }): number {
  const id = /^[1-9]\d{0,3}$/.test(tag) ? Number(tag) : 0;
  if (id >= 1 && id <= 4094) return id;
  throw new NetworkError('INVALID', `VLAN id ${quote(tag)} of parent ${quote(name)} must be a number from 1 to 4094, as in eth0.10`);
}

function missing(name: string, host: HostView): NetworkError {
  const others = host.links.filter((link) => link.name !== 'lo').map((link) => link.name);
  return new NetworkError('NOT_FOUND', `parent ${quote(name)} does not exist: this host has ${others.slice(0, 12).join(', ') || 'no link but lo'}${others.length > 12 ? ' …' : ''}`);
}
