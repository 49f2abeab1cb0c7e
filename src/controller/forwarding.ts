/**
 * Whether the host has to forward for our networks, and how it does so without becoming a router
 * for anybody else. Pure: the caller reads and applies.
 *
 * IPv4 forwards by the interface on which a packet comes in, so it is switched on for those
 * interfaces and the global switch is left alone: an engine that finds it off still switches it on
 * itself and closes its FORWARD chain in doing so. IPv6 knows the global switch only; interfaces
 * that learn their default route from router advertisements go on doing so with accept_ra=2.
 * What comes in where we switched it on may go to our networks only (guard facts).
 */
import type { GuardFacts } from '../firewall/facts.ts';
import { HOST, type Op } from '../kernel/op.ts';

/** What was switched on by us, to be switched off when no network needs it. Written down. */
export interface SwitchedForwarding {
  /** Interfaces whose IPv4 forwarding was off. */
  readonly ipv4: readonly string[];
  /** Interfaces that were there when IPv6 forwarding was switched on as a whole; absent: it was not us. */
  readonly ipv6?: readonly string[];
  /** Interfaces whose accept_ra was 1. */
  readonly acceptRa: readonly string[];
}

/** What the host's switches stand at. */
export interface ForwardingState {
  /** net.ipv4.ip_forward, net.ipv6.conf.all.forwarding */
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** Interfaces with an own place in routing: no loopback, no port of a bridge. */
  readonly links: readonly { readonly name: string; readonly isBridge: boolean; readonly isOurs: boolean; readonly ipv4: boolean; readonly acceptRa: string | undefined }[];
}

/** What to do, what to write down, and what to guard. */
export interface ForwardingPlan {
  readonly ops: readonly Op[];
  readonly switched: SwitchedForwarding;
  readonly guards: readonly GuardFacts[];
}

/** Nothing switched. */
export const NOT_SWITCHED: SwitchedForwarding = { ipv4: [], acceptRa: [] };

/** @param needs which families any of our networks forwards */
export function planForwarding(state: ForwardingState, before: SwitchedForwarding, needs: { readonly ipv4: boolean; readonly ipv6: boolean }): ForwardingPlan {
  const ipv4 = planIpv4(state, before, needs.ipv4);
  const ipv6 = planIpv6(state, before, needs.ipv6);
  return {
    ops: [...ipv4.ops, ...ipv6.ops],
    switched: { ipv4: ipv4.switched, acceptRa: ipv6.acceptRa, ...(ipv6.switched === undefined ? {} : { ipv6: ipv6.switched }) },
    guards: [
      ...guard(4, state.ipv4 ? [] : ipv4.switched, state),
      ...guard(6, ipv6.switched ?? [], state),
    ],
  };
}

function planIpv4(state: ForwardingState, before: SwitchedForwarding, needed: boolean): { ops: Op[]; switched: readonly string[] } {
  // Somebody else made the host a router meanwhile: its rules count now, and nothing is ours to undo.
  if (state.ipv4) return { ops: [], switched: [] };
  if (needed) {
    const off = state.links.filter((link) => !link.ipv4).map(({ name }) => name);
    const stays = before.ipv4.filter((name) => state.links.some((link) => link.name === name && link.ipv4));
    return { ops: off.map((name) => sysctl(`net/ipv4/conf/${name}/forwarding`, '1')), switched: [...stays, ...off] };
  }
  const present = before.ipv4.filter((name) => state.links.some((link) => link.name === name));
  return { ops: present.map((name) => sysctl(`net/ipv4/conf/${name}/forwarding`, '0')), switched: [] };
}

function planIpv6(state: ForwardingState, before: SwitchedForwarding, needed: boolean): { ops: Op[]; switched: readonly string[] | undefined; acceptRa: readonly string[] } {
  const learning = state.links.filter((link) => !link.isOurs && link.acceptRa === '1').map(({ name }) => name);
  if (needed && (!state.ipv6 || before.ipv6 !== undefined)) {
    // Bridges that come later belong to other container software, which forwards for itself.
    const known = new Set(before.ipv6 ?? state.links.map(({ name }) => name));
    const guarded = state.links.filter((link) => !link.isOurs && (known.has(link.name) || !link.isBridge)).map(({ name }) => name);
    const keepLearning = learning.map((name) => sysctl(`net/ipv6/conf/${name}/accept_ra`, '2'));
    const on = state.ipv6 ? [] : [sysctl('net/ipv6/conf/all/forwarding', '1')];
    return { ops: [...keepLearning, ...on], switched: guarded, acceptRa: [...new Set([...before.acceptRa, ...learning])] };
  }
  if (needed || before.ipv6 === undefined) return { ops: [], switched: undefined, acceptRa: [] };
  const restore = before.acceptRa.filter((name) => state.links.some((link) => link.name === name)).map((name) => sysctl(`net/ipv6/conf/${name}/accept_ra`, '1'));
  return { ops: [sysctl('net/ipv6/conf/all/forwarding', '0'), ...restore], switched: undefined, acceptRa: [] };
}

function guard(family: 4 | 6, names: readonly string[], state: ForwardingState): GuardFacts[] {
  const foreign = new Set(state.links.filter(({ isOurs }) => !isOurs).map(({ name }) => name));
  return names.filter((name) => foreign.has(name)).toSorted().map((link): GuardFacts => ({ kind: 'guard', family, link }));
}

function sysctl(key: string, value: string): Op {
  return { op: 'sysctl-set', namespace: HOST, key, value, optional: true };
}
