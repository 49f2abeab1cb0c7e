/**
 * The chains of the iptables back end and the rules in them that never change. What a fact adds
 * goes between head and tail of a chain, in any order: nothing that stands there depends on what
 * else stands there, so facts come and go by `-I` and `-D` alone.
 *
 * Decisions fall in mangle FORWARD, before anybody's filter rules, and are the same bit in the mark
 * that the nft back end sets. `-g ACCEPTED` ends our part of the way; other people's mangle rules
 * (TCP MSS clamping) still see the packet, which `-j ACCEPT` would keep from them.
 */
import { ACCEPT_BIT } from './backend.ts';

/** Tables of iptables that we use. */
export type IptablesTable = 'raw' | 'nat' | 'mangle' | 'filter';

/** One chain of ours; `{X}` stands for the full name of our chain X. */
export interface IptablesChain {
  readonly table: IptablesTable;
  /** Built-in chains that jump here. */
  readonly hooks?: readonly string[];
  readonly head?: readonly string[];
  readonly tail?: readonly string[];
}

const BIT = `0x${ACCEPT_BIT.toString(16)}/0x${ACCEPT_BIT.toString(16)}`;
const DECIDED = `-m mark --mark ${BIT}`;
const ESTABLISHED = '-m conntrack --ctstate RELATED,ESTABLISHED';
const ACCEPTED = '-g {ACCEPTED}';

/** `-m conntrack` for flows that were translated, both directions. */
export const PUBLISHED = '-m conntrack --ctstate DNAT';

/** Target that says "netctl let this through". */
export const SET_BIT: string = `-j MARK --set-xmark ${BIT}`;

const GOES_ON = [`${ESTABLISHED} ${ACCEPTED}`, `${PUBLISHED} ${ACCEPTED}`];

/** The chains of one family by role, in the order in which they are made; see nft-shape.ts for the reasons behind each. */
export function iptablesChains(family: 4 | 6): Readonly<Record<string, IptablesChain>> {
  return {
    RAW: {
      table: 'raw',
      hooks: ['PREROUTING'],
      head: ['-i lo -j RETURN', ...(family === 4 ? ['-d 127.0.0.0/8 -j DROP'] : [])],
    },
    PORTS: { table: 'nat' },
    PUBLISH: {
      table: 'nat',
      hooks: ['PREROUTING', 'OUTPUT'],
      head: [...(family === 6 ? ['-d ::1/128 -j RETURN', '-d fe80::/10 -j RETURN'] : []), '-m addrtype ! --dst-type LOCAL -j RETURN'],
      tail: ['-j {PORTS}'],
    },
    LEAVE: {
      table: 'nat',
      hooks: ['POSTROUTING'],
      head: ['-m addrtype --dst-type MULTICAST -j RETURN', ...(family === 4 ? ['-m addrtype --dst-type BROADCAST -j RETURN'] : [])],
    },
    EARLY: { table: 'mangle', hooks: ['PREROUTING'] },
    // Of an encrypted network, what comes any other way than by tunnel links, and goes: those return first.
    CLEAR: { table: 'mangle' },
    SENT: { table: 'filter', hooks: ['OUTPUT'] },
    // At its end, what tunnel links have besides tunnels.
    HOST: { table: 'mangle', hooks: ['INPUT'], head: ['-j {CLEAR}'] },
    // Where tunnels of a cluster's hosts end: not from our own bridges, whoever that pretends to be.
    INNER: { table: 'mangle' },
    // And only at the addresses that the others know, which return first.
    ENDS: { table: 'mangle', tail: ['-j DROP'] },
    TUNNEL: { table: 'mangle', head: ['-j {INNER}', '-j {ENDS}'], tail: ['-j DROP'] },
    ENCRYPTED: { table: 'mangle', head: ['-j {INNER}', ACCEPTED] },
    ACCEPTED: { table: 'mangle', head: [SET_BIT] },
    CLOSED: { table: 'mangle' },
    INSIDE: { table: 'mangle', head: [`${PUBLISHED} ${ACCEPTED}`, '-j DROP'] },
    'TO-NAT': { table: 'mangle', head: GOES_ON, tail: ['-j DROP'] },
    'TO-ROUTED': {
      table: 'mangle',
      head: [...GOES_ON, `-p ${family === 4 ? 'icmp' : 'ipv6-icmp'} ${ACCEPTED}`],
      tail: ['-j DROP'],
    },
    ELSEWHERE: { table: 'mangle', tail: [ACCEPTED] },
    // Hosts of a cluster, who would take what comes from a sandbox behind our address for our own; at which ports.
    PEERS: { table: 'mangle' },
    'TO-TUNNELS': { table: 'mangle' },
    'FROM-OURS': { table: 'mangle', head: ['-j {TO-TUNNELS}', ...GOES_ON], tail: ['-g {ELSEWHERE}'] },
    // Behind its head: what comes to our bridges, in front; what leaves them, at the end.
    FORWARD: { table: 'mangle', hooks: ['FORWARD'], head: ['-j {CLOSED}'] },
    GUARD: { table: 'filter', hooks: ['FORWARD'], head: [`${DECIDED} -j RETURN`, `${ESTABLISHED} -j RETURN`, `${PUBLISHED} -j RETURN`] },
  };
}

/**
 * The same for ebtables, whose one table `filter` sees frames between ports of a bridge also where
 * iptables does not (bridge-nf-call-iptables=0). It comes before br_netfilter, so the bit of a
 * packet that may pass is set in PREROUTING already.
 */
export const EBTABLES_CHAINS: Readonly<Record<string, Omit<IptablesChain, 'table'>>> = {
  'SEPARATE-OUT': {},
  SEPARATE: { hooks: ['FORWARD'], head: ['-p ARP -j RETURN', `--mark ${BIT} -j RETURN`] },
};
