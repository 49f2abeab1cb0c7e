import type { Controller } from '../../src/controller/controller.ts';
import { openHost, type OpenHost } from '../../src/controller/open-host.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/open-kernel.ts';
import { HOST } from '../../src/kernel/op.ts';
import type { LinkSnapshot, NamespaceSnapshot } from '../../src/kernel/snapshot.ts';
import type { MachineState } from './machine-state.ts';
import { Place } from './place.ts';
import type { Remote } from './remote-controller.ts';

/** The namespace in which the LAN of a {@link LocalHost} is. */
const OUTSIDE = 'outside';

/**
 * The namespaces of this process as a host with an uplink eth0 into a LAN, 198.51.100.0/24 and
 * 2001:db8:100::/64, whose other end is lan0 (.1) in namespace `outside`. For a machine of one's own,
 * where starting processes is slow, and which ends with the tests.
 */
export class LocalHost extends Place implements AsyncDisposable {
  readonly outside: Place;
  readonly #kernel: Kernel;

  private constructor(kernel: Kernel) {
    super(process.pid);
    this.#kernel = kernel;
    this.outside = this.netns(OUTSIDE);
  }

  static async start(): Promise<LocalHost> {
    const host = new LocalHost(await openKernel());
    await host.sh(`mkdir -p /run/netns; ip netns add ${OUTSIDE}
      ip link add eth0 type veth peer name lan0 netns ${OUTSIDE}
      ip addr add 198.51.100.10/24 dev eth0; ip addr add 2001:db8:100::10/64 dev eth0 nodad; ip link set eth0 up
      ip -n ${OUTSIDE} addr add 198.51.100.1/24 dev lan0; ip -n ${OUTSIDE} addr add 2001:db8:100::1/64 dev lan0 nodad
      ip -n ${OUTSIDE} link set lan0 up; ip -n ${OUTSIDE} link set lo up
      ip route add default via 198.51.100.1`);
    return host;
  }

  /** The next suite goes on with it; it ends with its machine. */
  async [Symbol.asyncDispose](): Promise<void> {}

  /** Links, routes, namespaces and tables of the packet filter, as text; no programs are started for it. */
  async snapshot(): Promise<MachineState> {
    const names = (await this.#kernel.namespaceNames()).toSorted();
    const [host, ...sandboxes] = await this.#kernel.snapshot([HOST, ...names.map((name) => `/run/netns/${name}`)]);
    const { nftables = [] } = (await this.#kernel.nftList('list tables')) as { nftables?: readonly { readonly table?: { readonly name: string } }[] };
    const named: [string, NamespaceSnapshot | undefined][] = [['', host], ...sandboxes.map((one): [string, NamespaceSnapshot] => [`${one.namespace.slice(11)}: `, one])];
    return new Map([
      ['links', named.flatMap(([prefix, one]) => (one?.links ?? []).map((link) => prefix + linkLine(link)))],
      ['routes', (host?.routes ?? []).filter(({ destination }) => !destination.startsWith('fe80:')).map(({ destination, gateway, metric }) => `${destination} ${gateway} ${metric}`).toSorted()],
      ['namespaces', names],
      ['nftables', nftables.flatMap(({ table }) => table?.name ?? []).toSorted()],
    ]);
  }
}

function linkLine({ name, kind, mac, mtu, up, alias, group, traits, addresses }: LinkSnapshot): string {
  return `${name}: ${kind} ${up} mtu ${mtu} group ${group} link/ether ${mac} ${JSON.stringify(traits)} ${addresses.join(' ')} alias ${alias}`;
}

/** A controller in this process, to be called like one in another. */
export class LocalController implements AsyncDisposable {
  readonly controller: Remote<Controller>;
  isOpen = true;
  readonly #host: OpenHost;

  private constructor(host: OpenHost) {
    this.#host = host;
    this.controller = new Proxy({} as Remote<Controller>, {
      get: (_target, name) => async (...args: readonly unknown[]) => {
        const method = (host.controller as unknown as Record<PropertyKey, (...given: readonly unknown[]) => unknown>)[name];
        return method?.apply(host.controller, [...args]);
      },
    });
  }

  static async start(stateFolder: string): Promise<LocalController> {
    return new LocalController(await openHost({ stateFolder }));
  }

  /** Ends it; networks and sandboxes stay. A process cannot lose itself, so it ends in good order. */
  async kill9(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    await this.#host[Symbol.asyncDispose]();
  }

  /** The next suite goes on with it. */
  async [Symbol.asyncDispose](): Promise<void> {}
}
