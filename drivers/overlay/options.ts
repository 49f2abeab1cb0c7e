import { formatCidr } from '../../src/common/cidr.ts';
import { cidrFromUser } from '../../src/common/cidr-from-user.ts';
import { NetworkError } from '../../src/common/error.ts';
import { quote } from '../../src/common/quote.ts';
import { address, boolean, integer, interfacePrefix, oneOf, optionReader, type OptionParser, type OptionRow } from '../option-values.ts';
import { DNS_MODES, type BridgedOptions } from '../bridged/bridged-options.ts';

/** Options of an overlay network, parsed. */
export interface OverlayOptions extends BridgedOptions {
  /** VXLAN network identifier; undefined: one that no network has. */
  readonly vni: number | undefined;
  /** UDP. */
  readonly port: number;
  /** Who tells the kernel what is behind the other hosts: the daemon, or a BGP EVPN daemon (RFC 8365) of the host. */
  readonly control: (typeof CONTROLS)[number];
  /** CIDRs of those that may send besides the hosts of the cluster. */
  readonly peers: readonly string[];
  /** Plain address at which this host takes what others send; undefined: that of its uplink. */
  readonly local: string | undefined;
  readonly encrypted: boolean;
}

const CONTROLS = ['cluster', 'evpn'] as const;

const NETWORK = 'com.docker.network.';
const BRIDGE = `${NETWORK}bridge.`;
const OWN = 'tsoverlay.';
/** Of Docker's own overlay driver. */
const VNI_LIST = `${NETWORK}driver.overlay.vxlanid_list`;
const ENCRYPTED = 'encrypted';

/** IANA's, and the most a VNI can be (RFC 7348 §5). */
const VXLAN_PORT = 4789;
const LARGEST_VNI = 0xffffff;

const vni = integer(1, LARGEST_VNI);

/** Docker's driver encrypts whatever the value; who says `false` hardly means that. */
const flag: OptionParser<boolean> = (key, value) => value === '' || boolean(key, value);

/** Every option of the overlay driver. */
export const OVERLAY_OPTION_TABLE: readonly OptionRow[] = [
  { key: `${OWN}vni`, default: 'a free one', meaning: `VXLAN network identifier, 1 to ${String(LARGEST_VNI)}, the same on every host` },
  { key: VNI_LIST, default: 'none', meaning: 'the same, as Docker’s own overlay driver calls it' },
  { key: `${OWN}port`, default: String(VXLAN_PORT), meaning: 'UDP port at which hosts take each other’s packets' },
  { key: `${OWN}control`, default: 'cluster', meaning: 'cluster | evpn: forwarding and neighbour entries come from the cluster, or from a BGP EVPN daemon on each host (FRR)' },
  { key: `${OWN}peers`, default: 'none', meaning: 'with control=evpn: routers that may send packets though they are no hosts of the cluster, CIDRs with commas between them' },
  { key: `${OWN}local`, default: 'that of the uplink', meaning: 'with control=evpn on a host that is in no cluster: its address for the others' },
  { key: `${OWN}encrypted`, default: 'false', meaning: 'what travels between hosts is encrypted by WireGuard, and nothing else is taken' },
  { key: ENCRYPTED, default: 'false', meaning: 'the same, as Docker’s own overlay driver calls it; without a value it is true' },
  { key: `${OWN}dns`, default: 'sandbox', meaning: 'sandbox | gateway: names are served at port 53 of the gateway too, for guests with a resolv.conf of their own' },
  { key: `${NETWORK}driver.mtu`, default: 'smallest uplink’s − 50 (− 70 over IPv6), encrypted − 130 (− 150)', meaning: 'MTU of bridge and endpoints, bytes, 68 to 65535' },
  { key: `${NETWORK}container_iface_prefix`, default: 'eth', meaning: 'prefix of interface names in a sandbox' },
  { key: `${BRIDGE}enable_icc`, default: 'true', meaning: 'endpoints may talk to each other, on one host and across hosts' },
  { key: `${BRIDGE}enable_ip_masquerade`, default: 'true', meaning: 'packets that leave the cluster get the address of the host that they leave by' },
  { key: `${BRIDGE}host_binding_ipv4`, default: '0.0.0.0', meaning: 'host address of ports published without one' },
  { key: `${NETWORK}host_ipv4`, default: 'none', meaning: 'SNAT to this address instead of masquerade; every host needs it' },
  { key: `${NETWORK}host_ipv6`, default: 'none', meaning: 'the same for IPv6' },
];

/**
 * Parses `-o KEY=VALUE` options of an overlay network.
 * @param warn called with a sentence for an unknown `com.docker.*` option, which is ignored as the engine does
 * @throws {NetworkError} INVALID for an unknown option or a bad value
 */
export function parseOverlayOptions(options: Readonly<Record<string, string>>, warn: (message: string) => void = () => {}): OverlayOptions {
  const read = optionReader('overlay', OVERLAY_OPTION_TABLE, options, warn);
  const control = read(`${OWN}control`, oneOf(CONTROLS), 'cluster');
  const withEvpn = <T>(key: string, value: T | undefined): T | undefined => {
    if (value === undefined || control === 'evpn') return value;
    throw new NetworkError('INVALID', `option ${OWN}${key} is for networks whose entries come from a routing daemon: add -o ${OWN}control=evpn, or leave it out`);
  };
  /** Two names of one thing: who says both, says the same. */
  const either = <T>(own: string, dockers: string, [parse, parseDockers]: readonly [OptionParser<T>, OptionParser<T>]): T | undefined => {
    const [ours, theirs] = [read(own, parse, undefined), read(dockers, parseDockers, undefined)];
    if (ours === undefined || theirs === undefined || ours === theirs) return ours ?? theirs;
    throw new NetworkError('INVALID', `options ${own}=${quote(options[own] ?? '')} and ${dockers}=${quote(options[dockers] ?? '')} are two names of one thing: leave one of them out`);
  };
  const encrypted = either(`${OWN}encrypted`, ENCRYPTED, [boolean, flag]) ?? false;
  if (encrypted && control === 'evpn') throw new NetworkError('INVALID', `an encrypted network has addresses that no routing daemon knows: leave -o ${OWN}control=evpn out, or the option encrypted`);
  return {
    vni: either(`${OWN}vni`, VNI_LIST, [vni, vni]),
    port: read(`${OWN}port`, integer(1, 65535), VXLAN_PORT),
    control,
    peers: withEvpn('peers', read(`${OWN}peers`, cidrs, undefined)) ?? [],
    local: withEvpn('local', read(`${OWN}local`, address(), undefined)),
    encrypted,
    dns: read(`${OWN}dns`, oneOf(DNS_MODES), 'sandbox'),
    mtu: read(`${NETWORK}driver.mtu`, integer(68, 65535), undefined),
    interfacePrefix: read(`${NETWORK}container_iface_prefix`, interfacePrefix, 'eth'),
    icc: read(`${BRIDGE}enable_icc`, boolean, true),
    masquerade: read(`${BRIDGE}enable_ip_masquerade`, boolean, true),
    hostBinding: read(`${BRIDGE}host_binding_ipv4`, address(), undefined),
    hostIpv4: read(`${NETWORK}host_ipv4`, address(4), undefined),
    hostIpv6: read(`${NETWORK}host_ipv6`, address(6), undefined),
    bridgeName: undefined,
    inhibitIpv4: false,
    gatewayModeIpv4: 'nat',
    gatewayModeIpv6: 'nat',
    trustedInterfaces: [],
    // Every host has the entries before the endpoint speaks; a routing daemon knows of it what the bridge has learnt.
    announceCount: control === 'evpn' ? 3 : 0,
    announceInterval: 1000,
  };
}

/** A host's address is a range of one. */
const cidrs: OptionParser<string[]> = (key, value) =>
  value.split(',').map((text) => {
    try {
      const cidr = cidrFromUser(text.includes('/') ? text : `${text}/${text.includes(':') ? '128' : '32'}`);
      if (cidr.prefix === 0) throw new NetworkError('INVALID', `${quote(text)} is everybody: name those whose packets are wanted`);
      return formatCidr(cidr);
    } catch (error) {
      throw new NetworkError('INVALID', `option ${key}=${quote(value)}: ${NetworkError.from(error).message}`);
    }
  });
