import { NetworkError } from '../../src/common/error.ts';
import type { RouteState } from '../../src/kernel/link-state.ts';
import { NOTHING, type DriverNetwork, type EndpointSpec, type Joined, type NamingTraits, type NetworkSpec, type Publishing, type WantedState } from '../driver.ts';
import { ipv6Sysctls } from '../ipv6-sysctls.ts';

/** Bytes (Ethernet). */
const DEFAULT_MTU = 1500;
const MTU = 'com.docker.network.driver.mtu';
/** As the engine does at attach: gratuitous ARPs, and ms between them. */
const ANNOUNCE = { count: 3, interval: 1000 } as const;

/** A network of a Docker plugin. Its links and rules are the plugin's; ours is to take an endpoint's interface into its sandbox. */
export class RemoteNetwork implements DriverNetwork {
  readonly mtu: number;
  readonly interfacePrefix = 'eth';
  readonly defaultHostAddress = undefined;
  /** Its interfaces come with one. */
  readonly macs = 'inherited';
  readonly leadsOnLink = false;
  readonly mostEndpoints = undefined;
  readonly trial = undefined;
  readonly #spec: NetworkSpec;

  constructor(spec: NetworkSpec) {
    this.#spec = spec;
    this.mtu = Number(spec.options[MTU] ?? DEFAULT_MTU) || DEFAULT_MTU;
  }

  /** Each endpoint learns it for itself when it joins; before that, it may. */
  givesGateway(): boolean {
    return !this.#spec.internal;
  }

  /** The plugin publishes what it likes, by itself. */
  publishing(): Publishing {
    return 'none';
  }

  naming(): NamingTraits {
    // Its subnets may span hosts of which we do not know.
    return { hostAddresses: [], isAlone: false, servedAt: [] };
  }

  wanted(): WantedState {
    return NOTHING;
  }

  checkEndpointOptions(options: Readonly<Record<string, string>>): void {
    if ('' in options) throw new NetworkError('INVALID', 'an endpoint option needs a name, as in --driver-opt NAME=VALUE');
  }

  endpoint(endpoint: EndpointSpec): WantedState {
    const { attachment, joined, mac, ipv4, ipv6 } = endpoint;
    if (attachment === undefined || joined?.source === undefined) return NOTHING;
    const { namespace, interface: name } = attachment;
    const addresses = [ipv4, ipv6].filter((address) => address !== undefined);
    return {
      links: [
        {
          namespace,
          name,
          type: 'other',
          lent: joined.source,
          up: true,
          ...(mac === '' ? {} : { mac }),
          addresses,
          routes: routesOf(joined, endpoint),
          sysctls: ipv6Sysctls(name, ipv6 !== undefined),
          announce: { ...ANNOUNCE, ...(endpoint.succeeds ? { urgent: true } : {}) },
        },
      ],
      facts: [],
    };
  }
}

function routesOf({ gateways, routes }: Joined, { gatewayFor }: EndpointSpec): RouteState[] {
  const defaults = gatewayFor.flatMap((family): RouteState[] => {
    const gateway = gateways[family];
    return gateway === undefined ? [] : [{ destination: family === 4 ? '0.0.0.0/0' : '::/0', gateway }];
  });
  // What leads to a gateway outside of the subnet goes first.
  return [...routes, ...defaults];
}
