import type { Family } from '../../src/common/address.ts';
import { contains, parseCidr, parseInterfaceAddress } from '../../src/common/cidr.ts';
import type { LinkState, RouteState, SysctlState } from '../../src/kernel/link-state.ts';
import { HOST } from '../../src/kernel/op.ts';
import type { Attachment, DriverNetwork, EndpointSpec, MacSource, NamingTraits, NetworkSpec, Publishing, Subnet, WantedState } from '../driver.ts';
import { interfaceSysctls, parseEndpointOptions, type EndpointOptions } from '../endpoint-options.ts';
import { ipv6Sysctls } from '../ipv6-sysctls.ts';
import { settledWords } from '../settled-words.ts';
import { hostLink, hostRoutes, settledAddresses } from './host-access.ts';
import type { EndpointTraits, ParentOptions } from './options.ts';
import { subInterface } from './sub-interfaces.ts';

/** Alias texts of links. */
export interface LinkLabels {
  /** Of the network's own, and of an endpoint's. */
  readonly own: (endpointId?: string) => string;
  /** Of one that several networks may want. */
  readonly shared: string;
}

/** A network whose endpoints are links of one kind on a parent, straight on its LAN. The host takes no part in it. */
export class ParentNetwork implements DriverNetwork {
  readonly mtu: number;
  readonly #spec: NetworkSpec;
  readonly #options: ParentOptions;
  readonly #labels: LinkLabels;
  readonly #dadOption: string;

  /** @param dadOption key of the endpoint option that asks for a probe, or for none */
  constructor(spec: NetworkSpec, options: ParentOptions, labels: LinkLabels, dadOption: string) {
    this.#spec = spec;
    this.#options = options;
    this.#labels = labels;
    this.#dadOption = dadOption;
    this.mtu = Number(spec.settled['mtu']);
  }

  get interfacePrefix(): string {
    return this.#options.interfacePrefix;
  }

  get defaultHostAddress(): undefined {
    return undefined;
  }

  get macs(): MacSource {
    const { traits } = this;
    if (traits.type === 'ipvlan') return 'shared';
    return traits.mode === 'passthru' ? 'inherited' : 'own';
  }

  get lanLink(): string {
    return this.#parent;
  }

  get mostEndpoints(): number | undefined {
    return this.traits.mode === 'passthru' ? 1 : undefined;
  }

  get leadsOnLink(): boolean {
    return this.traits.mode === 'l3' || this.traits.mode === 'l3s';
  }

  get trial(): LinkState {
    return { namespace: HOST, name: `try${this.#spec.id.slice(0, 12)}`, ...this.#child };
  }

  givesGateway(family: Family): boolean {
    if (this.#spec.dhcp?.includes(family) === true) return !this.#isIsolated;
    return !this.#isIsolated && this.#subnets(family).some(({ gateway }) => this.leadsOnLink || gateway !== undefined);
  }

  publishing(): Publishing {
    return 'none';
  }

  naming(): NamingTraits {
    return { hostAddresses: settledAddresses(this.#spec), isAlone: this.#spec.settled['sink'] !== '', servedAt: [] };
  }

  wanted(): WantedState {
    const { hostAccess } = this.#options;
    const access = hostAccess ? [hostLink(this.#spec, this.traits, this.#parent, this.#labels.own())] : [];
    return { links: [...this.#parentLinks(), ...access], facts: [] };
  }

  checkEndpointOptions(options: Readonly<Record<string, string>>): void {
    this.#endpointOptions(options);
  }

  endpoint(endpoint: EndpointSpec): WantedState {
    const { attachment } = endpoint;
    if (attachment === undefined) return { links: [], facts: [] };
    const routes = this.#options.hostAccess ? [hostRoutes(this.#spec, this.traits, endpoint)] : [];
    return { links: [this.#endpointLink(endpoint, attachment), ...routes], facts: [] };
  }

  /** Mode and flag as they were when the network was made. */
  get traits(): EndpointTraits {
    return this.#options.traits;
  }

  get #parent(): string {
    return this.#spec.settled['parent'] ?? '';
  }

  get #isIsolated(): boolean {
    return this.#spec.internal || this.#spec.settled['sink'] !== '';
  }

  get #child(): Pick<LinkState, 'type' | 'traits' | 'parent'> {
    return { type: this.traits.type, traits: this.traits, parent: this.#parent };
  }

  #parentLinks(): LinkState[] {
    const { sink, made } = this.#spec.settled;
    if (sink === 'dummy' || sink === 'ifb') return [{ namespace: HOST, name: this.#parent, type: sink, label: this.#labels.own(), up: true, sysctls: ipv6Sysctls(this.#parent, false) }];
    const subs = settledWords(made).map(subInterface);
    const foreign: LinkState = { namespace: HOST, name: subs[0]?.below ?? this.#parent, type: 'other' };
    return [
      foreign,
      ...subs.map(({ name, below, id }): LinkState => ({
        namespace: HOST,
        name,
        type: 'vlan',
        traits: { type: 'vlan', id },
        parent: below,
        label: this.#labels.shared,
        shared: true,
        up: true,
        // The host is no guest of this VLAN; but in the l3 modes its routes are those of the endpoints.
        ...(this.leadsOnLink ? {} : { sysctls: ipv6Sysctls(name, false) }),
      })),
    ];
  }

  #endpointLink(endpoint: EndpointSpec, { namespace, interface: name, handedOver }: Attachment): LinkState {
    const { announceCount: count, announceInterval: interval } = this.#options;
    const mtu = endpoint.learned?.mtu === undefined ? this.#options.mtu : Math.min(this.mtu, endpoint.learned.mtu);
    const { mac } = endpoint;
    const options = this.#endpointOptions(endpoint.options);
    const addresses = [endpoint.ipv4, endpoint.ipv6].filter((address) => address !== undefined);
    const link: LinkState = {
      namespace: handedOver ? HOST : namespace,
      name,
      ...this.#child,
      label: this.#labels.own(endpoint.id),
      ...(mac === '' ? {} : { mac }),
      ...(mtu === undefined ? {} : { mtu }),
      // In the l3 modes there is no neighbour to ask or to tell: nothing is resolved.
      ...((options.probe ?? this.#options.probe) && !this.leadsOnLink && addresses.length > 0 ? { probe: addresses } : {}),
    };
    if (handedOver) return { ...link, handedOver: namespace };
    return {
      ...link,
      up: true,
      addresses,
      routes: endpoint.learned?.routes ?? endpoint.gatewayFor.flatMap((family) => this.#defaultRoute(family, family === 4 ? endpoint.ipv4 : endpoint.ipv6)),
      sysctls: [...this.#sandboxSysctls(name, endpoint), ...interfaceSysctls(options, name)],
      announce: { count: this.leadsOnLink ? 0 : count, interval, ...(endpoint.succeeds ? { urgent: true } : {}) },
    };
  }

  /** Without a gateway of its own the LAN's router says where to go, as it does to everybody there. */
  #sandboxSysctls(name: string, { ipv6 }: EndpointSpec): SysctlState[] {
    const learns = !this.#isIsolated && !this.leadsOnLink && this.#spec.ipv6.every(({ gateway }) => gateway === undefined);
    if (this.#spec.dhcp?.includes(6) === true) return ipv6Sysctls(name, true, 'everything');
    return ipv6Sysctls(name, ipv6 !== undefined, learns ? 'route' : 'nothing');
  }

  #defaultRoute(family: Family, address: string | undefined): RouteState[] {
    const destination = family === 4 ? '0.0.0.0/0' : '::/0';
    if (this.leadsOnLink) return [{ destination }];
    const own = address === undefined ? undefined : parseInterfaceAddress(address).address;
    const subnet = this.#subnets(family).find((one) => own !== undefined && contains(parseCidr(one.subnet), own));
    return subnet?.gateway === undefined ? [] : [{ destination, gateway: subnet.gateway }];
  }

  #endpointOptions(options: Readonly<Record<string, string>>): EndpointOptions {
    return parseEndpointOptions(options, this.#dadOption);
  }

  #subnets(family: Family): readonly Subnet[] {
    return family === 4 ? this.#spec.ipv4 : this.#spec.ipv6;
  }
}
