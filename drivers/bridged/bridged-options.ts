import type { GatewayMode } from '../../src/firewall/facts.ts';

/** Where names are served: in the sandboxes alone, or at the gateway addresses too. */
export const DNS_MODES = ['sandbox', 'gateway'] as const;

/** Options of a network whose endpoints are ports of a bridge, parsed. */
export interface BridgedOptions {
  /** Undefined: `br-` and the first 12 digits of the network's id. */
  readonly bridgeName: string | undefined;
  readonly masquerade: boolean;
  readonly icc: boolean;
  readonly inhibitIpv4: boolean;
  readonly hostBinding: string | undefined;
  readonly gatewayModeIpv4: GatewayMode;
  readonly gatewayModeIpv6: GatewayMode;
  readonly trustedInterfaces: readonly string[];
  /** Bytes; undefined: that of the uplink. */
  readonly mtu: number | undefined;
  readonly interfacePrefix: string;
  /** `gateway`: names are served at the gateway addresses too. */
  readonly dns: (typeof DNS_MODES)[number];
  readonly hostIpv4: string | undefined;
  readonly hostIpv6: string | undefined;
  readonly announceCount: number;
  /** ms */
  readonly announceInterval: number;
}
