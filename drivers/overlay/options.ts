import { address, boolean, integer, interfacePrefix, oneOf, optionReader, type OptionRow } from '../option-values.ts';
import { DNS_MODES, type BridgedOptions } from '../bridged/bridged-options.ts';

/** Options of an overlay network, parsed. */
export interface OverlayOptions extends BridgedOptions {
  /** VXLAN network identifier; undefined: one that no network has. */
  readonly vni: number | undefined;
  /** UDP. */
  readonly port: number;
}

const NETWORK = 'com.docker.network.';
const BRIDGE = `${NETWORK}bridge.`;
const OWN = 'tsoverlay.';
/** Of Docker's own overlay driver. */
const VNI_LIST = `${NETWORK}driver.overlay.vxlanid_list`;

/** IANA's, and the most a VNI can be (RFC 7348 §5). */
const VXLAN_PORT = 4789;
const LARGEST_VNI = 0xffffff;

/** Every option of the overlay driver. */
export const OVERLAY_OPTION_TABLE: readonly OptionRow[] = [
  { key: `${OWN}vni`, default: 'a free one', meaning: `VXLAN network identifier, 1 to ${String(LARGEST_VNI)}, the same on every host` },
  { key: VNI_LIST, default: 'none', meaning: 'the same, as Docker’s own overlay driver calls it' },
  { key: `${OWN}port`, default: String(VXLAN_PORT), meaning: 'UDP port at which hosts take each other’s packets' },
  { key: `${OWN}dns`, default: 'sandbox', meaning: 'sandbox | gateway: names are served at port 53 of the gateway too, for guests with a resolv.conf of their own' },
  { key: `${NETWORK}driver.mtu`, default: 'smallest uplink’s − 50 (− 70 over IPv6)', meaning: 'MTU of bridge and endpoints, bytes, 68 to 65535' },
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
  return {
    vni: read(`${OWN}vni`, integer(1, LARGEST_VNI), undefined) ?? read(VNI_LIST, integer(1, LARGEST_VNI), undefined),
    port: read(`${OWN}port`, integer(1, 65535), VXLAN_PORT),
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
    // Every host has the neighbour entries before the endpoint speaks.
    announceCount: 0,
    announceInterval: 1000,
  };
}
