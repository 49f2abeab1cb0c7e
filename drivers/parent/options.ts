import type { ChildTraits } from '../../src/kernel/child-traits.ts';
import { boolean, integer, interfacePrefix, linkName, type OptionParser, type OptionReader, type OptionRow } from '../option-values.ts';

/** What an endpoint's link is: a macvlan or an ipvlan. */
export type EndpointTraits = Exclude<ChildTraits, { type: 'vlan' }>;

/** Options of a network whose endpoints sit on a parent link, parsed. */
export interface ParentOptions {
  /** Undefined: the network reaches nobody outside of it. */
  readonly parent: string | undefined;
  readonly traits: EndpointTraits;
  /** Bytes; undefined: that of the parent. */
  readonly mtu: number | undefined;
  readonly interfacePrefix: string;
  readonly announceCount: number;
  /** ms */
  readonly announceInterval: number;
  readonly hostAccess: boolean;
  readonly probe: boolean;
}

const NETWORK = 'com.docker.network.';

/** The options that macvlan and ipvlan share. @param own prefix of those that Docker's drivers do not have: `tsmacvlan.` */
export function parentOptionTable(own: string): OptionRow[] {
  return [
    { key: 'parent', default: 'none', meaning: 'host link to sit on; `eth0.10` makes the VLAN sub-interface where it is missing, `eth0.10.20` both; none: an internal network' },
    { key: `${NETWORK}driver.mtu`, default: 'parent’s', meaning: 'MTU of endpoints, bytes, 68 to 65535, not more than the parent’s' },
    { key: `${NETWORK}container_iface_prefix`, default: 'eth', meaning: 'prefix of interface names in a sandbox' },
    { key: `${NETWORK}advertise_addr_nmsgs`, default: '3', meaning: 'gratuitous ARP / unsolicited NA at attach, 0 to 3' },
    { key: `${NETWORK}advertise_addr_ms`, default: '1000', meaning: 'ms between them, 100 to 2000' },
    { key: `${own}host_access`, default: 'false', meaning: 'host and endpoints reach each other, by the auxiliary address `host` (`host6`)' },
    { key: `${own}dad`, default: 'false', meaning: 'an address that somebody on the LAN has already is refused' },
  ];
}

/** Reads them. @throws {NetworkError} INVALID */
export function readParentOptions(read: OptionReader, own: string): Omit<ParentOptions, 'traits'> {
  return {
    parent: read('parent', unlessEmpty(linkName('parent')), undefined),
    mtu: read(`${NETWORK}driver.mtu`, integer(68, 65535), undefined),
    interfacePrefix: read(`${NETWORK}container_iface_prefix`, interfacePrefix, 'eth'),
    announceCount: read(`${NETWORK}advertise_addr_nmsgs`, integer(0, 3), 3),
    announceInterval: read(`${NETWORK}advertise_addr_ms`, integer(100, 2000), 1000),
    hostAccess: read(`${own}host_access`, boolean, false),
    probe: read(`${own}dad`, boolean, false),
  };
}

/** Docker takes an empty value of its options for none at all. */
export function unlessEmpty<T>(parse: OptionParser<T>): OptionParser<T | undefined> {
  return (key, value) => (value === '' ? undefined : parse(key, value));
}
