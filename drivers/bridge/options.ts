import { requireInterfaceName } from '../../src/common/name.ts';
import type { GatewayMode } from '../../src/firewall/facts.ts';
import { DNS_MODES, type BridgedOptions } from '../bridged/bridged-options.ts';
import { address, boolean, integer, interfacePrefix, linkName, oneOf, optionReader, type OptionRow } from '../option-values.ts';

const BRIDGE = 'com.docker.network.bridge.';
const NETWORK = 'com.docker.network.';

/** Every option of the bridge driver: the built-in bridge's own names and defaults. */
export const BRIDGE_OPTION_TABLE: readonly OptionRow[] = [
  { key: `${BRIDGE}name`, default: 'br-<12 hex>', meaning: 'kernel bridge; one that exists is used, left as it was found, and never deleted' },
  { key: `${BRIDGE}enable_ip_masquerade`, default: 'true', meaning: 'outgoing packets get the host’s address' },
  { key: `${BRIDGE}enable_icc`, default: 'true', meaning: 'endpoints may talk to each other' },
  { key: `${BRIDGE}host_binding_ipv4`, default: '0.0.0.0', meaning: 'host address of ports published without one' },
  { key: `${BRIDGE}gateway_mode_ipv4`, default: 'nat', meaning: 'nat | nat-unprotected | routed | isolated (isolated: with --internal)' },
  { key: `${BRIDGE}gateway_mode_ipv6`, default: 'nat', meaning: 'the same for IPv6' },
  { key: `${BRIDGE}inhibit_ipv4`, default: 'false', meaning: 'no IPv4 address on the bridge' },
  { key: `${BRIDGE}trusted_host_interfaces`, default: 'none', meaning: "host interfaces, separated by ':', that may reach unpublished ports" },
  { key: `${NETWORK}driver.mtu`, default: 'uplink’s', meaning: 'MTU of bridge and endpoints, bytes, 68 to 65535' },
  { key: `${NETWORK}container_iface_prefix`, default: 'eth', meaning: 'prefix of interface names in a sandbox' },
  { key: 'tsbridge.dns', default: 'sandbox', meaning: 'sandbox | gateway: names are served at port 53 of the gateway too, for guests with a resolv.conf of their own' },
  { key: `${NETWORK}host_ipv4`, default: 'none', meaning: 'SNAT to this address instead of masquerade' },
  { key: `${NETWORK}host_ipv6`, default: 'none', meaning: 'the same for IPv6' },
  { key: `${NETWORK}advertise_addr_nmsgs`, default: '3', meaning: 'gratuitous ARP / unsolicited NA at attach, 0 to 3' },
  { key: `${NETWORK}advertise_addr_ms`, default: '1000', meaning: 'ms between them, 100 to 2000' },
];

const GATEWAY_MODES: readonly GatewayMode[] = ['nat', 'nat-unprotected', 'routed', 'isolated'];

/**
 * Parses `-o KEY=VALUE` options of a bridge network.
 * @param warn called with a sentence for an unknown `com.docker.*` option, which is ignored as the engine does
 * @throws {NetworkError} INVALID for an unknown option or a bad value
 */
export function parseBridgeOptions(options: Readonly<Record<string, string>>, warn: (message: string) => void = () => {}): BridgedOptions {
  const read = optionReader('bridge', BRIDGE_OPTION_TABLE, options, warn);
  return {
    bridgeName: read(`${BRIDGE}name`, linkName('bridge name'), undefined),
    masquerade: read(`${BRIDGE}enable_ip_masquerade`, boolean, true),
    icc: read(`${BRIDGE}enable_icc`, boolean, true),
    inhibitIpv4: read(`${BRIDGE}inhibit_ipv4`, boolean, false),
    hostBinding: read(`${BRIDGE}host_binding_ipv4`, address(), undefined),
    gatewayModeIpv4: read(`${BRIDGE}gateway_mode_ipv4`, oneOf(GATEWAY_MODES), 'nat'),
    gatewayModeIpv6: read(`${BRIDGE}gateway_mode_ipv6`, oneOf(GATEWAY_MODES), 'nat'),
    trustedInterfaces: read(`${BRIDGE}trusted_host_interfaces`, interfaces, []),
    mtu: read(`${NETWORK}driver.mtu`, integer(68, 65535), undefined),
    interfacePrefix: read(`${NETWORK}container_iface_prefix`, interfacePrefix, 'eth'),
    dns: read('tsbridge.dns', oneOf(DNS_MODES), 'sandbox'),
    hostIpv4: read(`${NETWORK}host_ipv4`, address(4), undefined),
    hostIpv6: read(`${NETWORK}host_ipv6`, address(6), undefined),
    announceCount: read(`${NETWORK}advertise_addr_nmsgs`, integer(0, 3), 3),
    announceInterval: read(`${NETWORK}advertise_addr_ms`, integer(100, 2000), 1000),
  };
}

function interfaces(_key: string, value: string): string[] {
  return value.split(':').map((name) => requireInterfaceName(name, 'trusted host interface'));
}
