import { familyOf, withoutLength, type Family } from '../../src/common/address.ts';
import { contains, parseCidr, parseInterfaceAddress } from '../../src/common/cidr.ts';
import { highMac, stableMac } from '../../src/common/mac.ts';
import type { FamilyFacts, Fact, GatewayMode } from '../../src/firewall/facts.ts';
import type { LinkState, PeerState, RouteState, SysctlState } from '../../src/kernel/link-state.ts';
import { HOST } from '../../src/kernel/op.ts';
import type { Attachment, DriverNetwork, EndpointSpec, NamingTraits, NetworkSpec, Publishing, Subnet, WantedState } from '../driver.ts';
import { interfaceSysctls, parseEndpointOptions } from '../endpoint-options.ts';
import { ipv6Sysctls } from '../ipv6-sysctls.ts';
import { settledWords } from '../settled-words.ts';
import type { BridgedOptions } from './bridged-options.ts';

/** RFC 1035 §4.2 */
const DNS_PORT = 53;

/** A Linux bridge with its gateway addresses; endpoints are veth pairs. What it leads to besides is its driver's business. */
export class BridgedNetwork implements DriverNetwork {
  readonly mtu: number;
  readonly bridge: string;
  readonly #spec: NetworkSpec;
  readonly #options: BridgedOptions;
  readonly #label: (endpointId?: string) => string;

  constructor(spec: NetworkSpec, options: BridgedOptions, label: (endpointId?: string) => string) {
    this.#spec = spec;
    this.#label = label;
    this.#options = options;
    this.bridge = bridgeNameOf(spec, this.#options);
    this.mtu = Number(spec.settled['mtu']);
  }

  readonly macs = 'own';
  readonly leadsOnLink = false;
  readonly mostEndpoints = undefined;
  readonly trial = undefined;

  get lanLink(): string {
    return this.bridge;
  }

  get interfacePrefix(): string {
    return this.#options.interfacePrefix;
  }

  get defaultHostAddress(): string | undefined {
    // The default, said aloud: every address of the host, both families.
    return this.#options.hostBinding === '0.0.0.0' ? undefined : this.#options.hostBinding;
  }

  givesGateway(family: Family): boolean {
    if (this.#spec.dhcp?.includes(family) === true) return !this.#spec.internal;
    return !this.#spec.internal && this.#mode(family) !== 'isolated' && this.#subnets(family).some((subnet) => subnet.gateway !== undefined);
  }

  publishing(family: Family): Publishing {
    // On a LAN that others manage, everybody reaches the endpoints themselves.
    if (!this.givesGateway(family) || this.#spec.dhcp !== undefined) return 'none';
    return this.#mode(family) === 'routed' ? 'routed' : 'nat';
  }

  naming(): NamingTraits {
    const hostAddresses = ([4, 6] as const).flatMap((family) => this.#gatewayAddresses(family)).map(withoutLength);
    return { hostAddresses, isAlone: this.#spec.settled['adopted'] !== 'true', servedAt: this.#options.dns === 'gateway' ? hostAddresses : [] };
  }

  wanted(): WantedState {
    const facts: Fact[] = [
      {
        kind: 'network',
        bridge: this.bridge,
        icc: this.#options.icc,
        internal: this.#spec.internal,
        families: ([4, 6] as const).filter((family) => this.#subnets(family).length > 0).map((family) => this.#familyFacts(family)),
        trustedInterfaces: this.#options.trustedInterfaces,
      },
    ];
    return { links: [this.#bridgeLink()], facts: [...facts, ...this.#nameServerFacts()] };
  }

  checkEndpointOptions(options: Readonly<Record<string, string>>): void {
    parseEndpointOptions(options);
  }

  endpoint(endpoint: EndpointSpec): WantedState {
    if (endpoint.attachment === undefined) return { links: [], facts: [] };
    const port = hostSideName(endpoint.id);
    const link: LinkState = {
      namespace: HOST,
      name: port,
      type: 'veth',
      label: this.#label(endpoint.id),
      up: true,
      mtu: this.mtu,
      master: this.bridge,
      hairpin: true,
      // A bridge that is not ours mostly goes by the lowest MAC of its ports: ours must not be that one.
      ...(this.#spec.settled['adopted'] === 'true' ? { mac: highMac(endpoint.id) } : {}),
      // With IPv6 on, DAD and MLD of every port flood every other port: attach grows to 74 ms at 960 endpoints.
      sysctls: [{ key: `net/ipv6/conf/${port}/disable_ipv6`, value: '1' }],
      peer: this.#sandboxSide(endpoint, endpoint.attachment),
    };
    const facts: Fact[] = this.#options.icc ? [] : [{ kind: 'bridge-port', link: port, bridge: this.bridge }];
    return { links: [link], facts: [...facts, ...this.#portFacts(endpoint)] };
  }

  #bridgeLink(): LinkState {
    const adopted = this.#spec.settled['adopted'] === 'true';
    const present = settledWords(this.#spec.settled['addresses']);
    const addresses = ([4, 6] as const).flatMap((family) => this.#gatewayAddresses(family)).filter((address) => !present.includes(address));
    return {
      namespace: HOST,
      name: this.bridge,
      type: 'bridge',
      up: true,
      addresses,
      sysctls: this.#bridgeSysctls(),
      ...(this.#spec.settled['found'] === 'down' ? { foundDown: { addresses: present, users: settledWords(this.#spec.settled['users']) } } : {}),
      // A bridge without a MAC of its own takes the lowest of its ports' and changes it as they come and go.
      ...(adopted ? {} : { label: this.#label(), mac: stableMac(`bridge ${this.#spec.id}`), mtu: this.mtu }),
    };
  }

  #bridgeSysctls(): SysctlState[] {
    const ipv6 = this.#spec.ipv6.length > 0 && this.#mode(6) !== 'isolated';
    const { adopted, route_localnet: localnet = '0', disable_ipv6: withoutIpv6 = '0' } = this.#spec.settled;
    return [
      // Whether another's bridge speaks IPv6, and where its addresses come from, is the other's to say.
      ...(adopted !== 'true' ? ipv6Sysctls(this.bridge, ipv6) : ipv6 ? [{ key: `net/ipv6/conf/${this.bridge}/disable_ipv6`, value: '0', restore: withoutIpv6 }] : []),
      ...(this.publishing(4) === 'nat' ? [{ key: `net/ipv4/conf/${this.bridge}/route_localnet`, value: '1', restore: localnet }] : []),
    ];
  }

  #gatewayAddresses(family: Family): string[] {
    const silent = this.#mode(family) === 'isolated' || (family === 4 && this.#options.inhibitIpv4);
    if (silent) return [];
    return this.#subnets(family).flatMap(({ subnet, gateway }) => (gateway === undefined ? [] : [`${gateway}/${subnet.split('/')[1]}`]));
  }

  #nameServerFacts(): Fact[] {
    const { servedAt } = this.naming();
    return servedAt.flatMap((address) => (['udp', 'tcp'] as const).map((protocol): Fact => ({ kind: 'host-port', family: familyOf(address), protocol, bridge: this.bridge, address, port: DNS_PORT })));
  }

  #familyFacts(family: Family): FamilyFacts {
    const source = family === 4 ? this.#options.hostIpv4 : this.#options.hostIpv6;
    const mode = this.#mode(family);
    return {
      family,
      subnets: this.#subnets(family).map(({ subnet }) => subnet),
      mode,
      masquerade: this.#options.masquerade && (mode === 'nat' || mode === 'nat-unprotected'),
      ...(source === undefined ? {} : { source }),
    };
  }

  #sandboxSide(endpoint: EndpointSpec, attachment: Attachment): PeerState {
    const { namespace, interface: name, handedOver } = attachment;
    const base = { name, mac: endpoint.mac, mtu: Math.min(this.mtu, endpoint.learned?.mtu ?? this.mtu) };
    if (handedOver) return { ...base, namespace: HOST, handedOver };
    const addresses = [endpoint.ipv4, endpoint.ipv6].filter((address) => address !== undefined);
    return {
      ...base,
      namespace,
      up: true,
      addresses,
      routes: endpoint.learned?.routes ?? endpoint.gatewayFor.flatMap((family) => this.#defaultRoute(family, family === 4 ? endpoint.ipv4 : endpoint.ipv6)),
      sysctls: [
        ...(this.#spec.dhcp?.includes(6) === true ? ipv6Sysctls(name, true, 'everything') : ipv6Sysctls(name, endpoint.ipv6 !== undefined)),
        ...interfaceSysctls(parseEndpointOptions(endpoint.options), name),
      ],
      announce: { count: this.#options.announceCount, interval: this.#options.announceInterval, ...(endpoint.succeeds ? { urgent: true } : {}) },
    };
  }

  /** The aux address `DefaultGatewayIPv4|6` overrides what endpoints use, as in the built-in bridge. */
  #defaultRoute(family: Family, address: string | undefined): RouteState[] {
    const subnets = this.#subnets(family);
    const subnet = subnets.length === 1 || address === undefined ? subnets[0] : subnets.find((one) => contains(parseCidr(one.subnet), parseInterfaceAddress(address).address));
    const gateway = subnet?.auxiliary[`DefaultGatewayIPv${family}`] ?? subnet?.gateway;
    return gateway === undefined ? [] : [{ destination: family === 4 ? '0.0.0.0/0' : '::/0', gateway }];
  }

  #portFacts(endpoint: EndpointSpec): Fact[] {
    return endpoint.ports.flatMap((port): Fact[] => {
      const cidr = port.family === 4 ? endpoint.ipv4 : endpoint.ipv6;
      const publishing = this.publishing(port.family);
      if (cidr === undefined || publishing === 'none') return [];
      const target = { family: port.family, protocol: port.protocol, bridge: this.bridge, address: withoutLength(cidr), port: port.containerPort };
      if (publishing === 'routed') return [{ kind: 'open-port', ...target }];
      return [
        { kind: 'published-port', hostPort: port.hostPort, ...(port.hostAddress === undefined ? {} : { hostAddress: port.hostAddress }), ...target },
      ];
    });
  }

  #subnets(family: Family): readonly Subnet[] {
    return family === 4 ? this.#spec.ipv4 : this.#spec.ipv6;
  }

  #mode(family: Family): GatewayMode {
    return family === 4 ? this.#options.gatewayModeIpv4 : this.#options.gatewayModeIpv6;
  }
}

/** Name of a network's bridge. */
export function bridgeNameOf(spec: Pick<NetworkSpec, 'id'>, options: Pick<BridgedOptions, 'bridgeName'>): string {
  return options.bridgeName ?? `br-${spec.id.slice(0, 12)}`;
}

/** Name of an endpoint's host-side link: 15 characters, the most that the kernel takes. */
function hostSideName(endpointId: string): string {
  return `veth${endpointId.slice(0, 11)}`;
}
