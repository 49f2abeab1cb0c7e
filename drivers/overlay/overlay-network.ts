import type { Family } from '../../src/common/address.ts';
import { stableMac } from '../../src/common/mac.ts';
import { changedList, changeOf } from '../../src/common/list-change.ts';
import type { Fact } from '../../src/firewall/facts.ts';
import { FLOOD_MAC, type FdbState, type NeighbourState } from '../../src/kernel/forwarding-state.ts';
import type { LinkState } from '../../src/kernel/link-state.ts';
import { HOST } from '../../src/kernel/op.ts';
import { BridgedNetwork } from '../bridged/bridged-network.ts';
import type { DriverNetwork, EndpointSpec, NamingTraits, NetworkSpec, Publishing, Reach, RemoteEndpoint, Tunnel, WantedState } from '../driver.ts';
import { parseOverlayOptions, type OverlayOptions } from './options.ts';

/**
 * On each host a bridge with the same gateway, and a VXLAN link as its port to the other hosts. What is
 * behind that link is told, never learned.
 */
export class OverlayNetwork implements DriverNetwork {
  readonly macs = 'own';
  readonly leadsOnLink = false;
  readonly mostEndpoints = undefined;
  readonly trial = undefined;
  readonly #spec: NetworkSpec;
  readonly #options: OverlayOptions;
  readonly #bridged: BridgedNetwork;
  readonly #label: string;
  readonly #sharedLabel: string;

  constructor(spec: NetworkSpec, label: (endpointId?: string) => string, sharedLabel: string) {
    this.#sharedLabel = sharedLabel;
    this.#spec = spec;
    this.#options = parseOverlayOptions(spec.options);
    this.#bridged = new BridgedNetwork(spec, this.#options, label);
    this.#label = label();
  }

  get tunnelPeers(): readonly string[] {
    return this.#options.peers;
  }

  get isEncrypted(): boolean {
    return this.#options.encrypted;
  }

  get mtu(): number {
    return this.#bridged.mtu;
  }

  get interfacePrefix(): string {
    return this.#bridged.interfacePrefix;
  }

  get defaultHostAddress(): string | undefined {
    return this.#bridged.defaultHostAddress;
  }

  givesGateway(family: Family): boolean {
    return this.#bridged.givesGateway(family);
  }

  publishing(family: Family): Publishing {
    return this.#bridged.publishing(family);
  }

  naming(): NamingTraits {
    return this.#bridged.naming();
  }

  checkEndpointOptions(options: Readonly<Record<string, string>>): void {
    this.#bridged.checkEndpointOptions(options);
  }

  endpoint(endpoint: EndpointSpec): WantedState {
    return this.#bridged.endpoint(endpoint);
  }

  wanted(reach?: Reach): WantedState {
    const { links, facts } = this.#bridged.wanted();
    // It stands before there is anything to send, and as long as there is.
    const encrypted: Fact[] = this.#options.encrypted ? [{ kind: 'encrypted-vxlan', port: this.#options.port, vni: this.#vni }] : [];
    const { local = reach?.local } = this.#spec.settled;
    if (local === undefined || (this.#options.encrypted && reach?.tunnel === undefined)) return { links, facts: [...facts, ...encrypted] };
    // Where nothing is stated of a table, whatever others put there stays.
    const others = this.#options.control === 'evpn' ? undefined : reach?.others;
    const ways = reach?.tunnel === undefined ? [] : [this.#encryptedLink(reach.tunnel)];
    const tunnel = this.#vxlanLink(local, others);
    // What comes from other hosts is told apart from what is on this one as two ports are from each other.
    const port: Fact[] = this.#options.icc ? [] : [{ kind: 'bridge-port', link: tunnel.name, bridge: this.#bridged.bridge }];
    return { links: [...links.map((link) => (others === undefined ? link : { ...link, neighbours: entriesOf(others).neighbours })), ...ways, tunnel], facts: [...facts, ...encrypted, ...port] };
  }

  get #vni(): number {
    return Number(this.#spec.settled['vni']);
  }

  /** One for all networks. Its subnet holds every host of the cluster: what is for one that has no key ends there. */
  #encryptedLink({ link, address, mtu, wireguard }: Tunnel): LinkState {
    const sysctls = [{ key: `net/ipv6/conf/${link}/disable_ipv6`, value: '0' }];
    return { namespace: HOST, name: link, type: 'wireguard', shared: true, label: this.#sharedLabel, up: true, mtu, wireguard, addresses: [address], sysctls };
  }

  #vxlanLink(local: string, others: Others | undefined): LinkState {
    const name = `vx-${this.#spec.id.slice(0, 12)}`;
    return {
      namespace: HOST,
      name,
      type: 'vxlan',
      vxlan: { id: this.#vni, port: this.#options.port, local },
      label: this.#label,
      up: true,
      mtu: this.mtu,
      mac: stableMac(`vxlan ${this.#spec.id} ${local}`),
      master: this.#bridged.bridge,
      hairpin: false,
      learning: false,
      // Whoever asks for an address is answered here: by the neighbour entries, and by the gateway of this host alone.
      neighbourSuppression: true,
      sysctls: [{ key: `net/ipv6/conf/${name}/disable_ipv6`, value: '1' }],
      ...(others === undefined ? {} : { forwarding: entriesOf(others).forwarding }),
    };
  }
}

type Others = NonNullable<Reach['others']>;

/** What stands in the tables of the kernel for others. */
interface Entries {
  /** Those of the forwarding entries that are for what all hosts get. */
  readonly floods: readonly FdbState[];
  readonly forwarding: readonly FdbState[];
  readonly neighbours: readonly NeighbourState[];
}

/** The same objects for the same endpoints, and versions of lists for versions of lists: the planner looks only at what changed. */
const entriesOfAll = new WeakMap<Others['endpoints'], Entries>();
const entriesOfOne = new WeakMap<RemoteEndpoint, Entries>();
const floodsOf = new WeakMap<Others['hosts'], readonly FdbState[]>();

function entriesOf({ hosts, endpoints }: Others): Entries {
  return cached(entriesOfAll, endpoints, () => {
    const floods = cached(floodsOf, hosts, () => hosts.map((destination): FdbState => ({ mac: FLOOD_MAC, destination })));
    const change = changeOf(endpoints);
    const before = change === undefined ? undefined : entriesOfAll.get(change.before);
    if (change === undefined || before === undefined) {
      const { forwarding, neighbours } = together(endpoints);
      return { floods, forwarding: [...floods, ...forwarding], neighbours };
    }
    const [gone, come] = [together(change.gone), together(change.come)];
    const forwarding =
      before.floods === floods
        ? changedList(before.forwarding, gone.forwarding, come.forwarding)
        : changedList(before.forwarding, [...before.floods, ...gone.forwarding], [...floods, ...come.forwarding]);
    return { floods, forwarding, neighbours: changedList(before.neighbours, gone.neighbours, come.neighbours) };
  });
}

function together(endpoints: readonly RemoteEndpoint[]): Pick<Entries, 'forwarding' | 'neighbours'> {
  const all = endpoints.map((endpoint) => cached(entriesOfOne, endpoint, () => entries(endpoint)));
  return { forwarding: all.flatMap(({ forwarding }) => forwarding), neighbours: all.flatMap(({ neighbours }) => neighbours) };
}

/** Towards its host in the VXLAN link, and towards that link in the bridge. */
function entries({ mac, addresses, host }: RemoteEndpoint): Entries {
  return { floods: [], forwarding: [{ mac, destination: host }, { mac, master: true }], neighbours: addresses.map((address) => ({ address, mac })) };
}

function cached<Key extends object, Value>(cache: WeakMap<Key, Value>, key: Key, make: () => Value): Value {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const fresh = make();
  cache.set(key, fresh);
  return fresh;
}
