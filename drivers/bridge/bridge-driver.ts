import { NetworkError } from '../../src/common/error.ts';
import type { Driver, HostView, NetworkSpec } from '../driver.ts';
import { BridgedNetwork, bridgeNameOf } from '../bridged/bridged-network.ts';
import type { BridgedOptions } from '../bridged/bridged-options.ts';
import { parseBridgeOptions } from './options.ts';

/** MTU where the host has no uplink to take it from, bytes (Ethernet). */
const DEFAULT_MTU = 1500;

/** The bridge driver (`-d bridge`, `-d tsbridge`). */
export function bridgeDriver(): Driver {
  return {
    name: 'bridge',
    isOnLan: false,
    kindsInQuestion: () => [],
    settle: (spec, host, warn) => settle(spec, host, parseBridgeOptions(spec.options, warn)),
    open: (spec, label) => new BridgedNetwork(spec, parseBridgeOptions(spec.options), label),
  };
}

function settle(spec: Omit<NetworkSpec, 'settled'>, host: HostView, options: BridgedOptions): Readonly<Record<string, string>> {
  for (const [family, mode, subnets] of [
    [4, options.gatewayModeIpv4, spec.ipv4],
    [6, options.gatewayModeIpv6, spec.ipv6],
  ] as const) {
    if (mode === 'isolated' && !spec.internal && subnets.length > 0) {
      throw new NetworkError('INVALID', `gateway_mode_ipv${family}=isolated needs an internal network: add --internal`);
    }
    if (subnets.length > 1) {
      throw new NetworkError('INVALID', `network '${spec.name}' has ${subnets.length} IPv${family} subnets: a bridge network takes one of each family`);
    }
  }
  const addressed =
    (spec.ipv4.length > 0 && options.gatewayModeIpv4 !== 'isolated' && !options.inhibitIpv4) || (spec.ipv6.length > 0 && options.gatewayModeIpv6 !== 'isolated');
  // Before its subnets are chosen nothing can be said.
  if (options.dns === 'gateway' && !addressed && spec.ipv4.length + spec.ipv6.length > 0) {
    throw new NetworkError('INVALID', 'tsbridge.dns=gateway needs an address of the host in the network: leave gateway_mode=isolated and inhibit_ipv4 away');
  }
  const name = bridgeNameOf(spec, options);
  const existing = host.links.find((link) => link.name === name);
  if (spec.dhcp !== undefined && existing === undefined) {
    throw new NetworkError('INVALID', `a DHCP server is reached by an existing bridge with an uplink: name it by -o com.docker.network.bridge.name=BRIDGE`);
  }
  if (existing !== undefined && existing.kind !== 'bridge') {
    throw new NetworkError('EXISTS', `'${name}' is a ${existing.kind ?? 'physical'} interface, not a bridge: choose another com.docker.network.bridge.name`);
  }
  if (existing?.usedBy !== undefined) {
    throw new NetworkError('EXISTS', `bridge '${name}' belongs to network '${existing.usedBy}': choose another com.docker.network.bridge.name`);
  }
  return {
    adopted: String(existing !== undefined),
    addresses: existing?.addresses.join(' ') ?? '',
    ...existing?.sysctls,
    ...(existing?.up === false ? { found: 'down', users: existing.users.join(' ') } : {}),
    mtu: String(options.mtu ?? existing?.mtu ?? host.uplinkMtu ?? DEFAULT_MTU),
  };
}
