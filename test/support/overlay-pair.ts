/** Two hosts that are namespaces, on one underlay, each with a bridge, a VXLAN link and one sandbox of an overlay. */
import { Applier } from '../../src/controller/applier.ts';
import { Reaper } from '../../src/controller/reaper.ts';
import { FLOOD_MAC, type FdbState, type NeighbourState } from '../../src/kernel/forwarding-state.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import type { LinkState } from '../../src/kernel/link-state.ts';
import type { Op } from '../../src/kernel/op.ts';
import { run, type RunResult } from './run.ts';

/** Which of the two. */
export type Side = 1 | 2;

/** The gateway of the overlay, the same on every host. */
export const GATEWAY = { 4: '10.7.0.1', 6: 'fd00:7::1', mac: '02:42:00:00:07:01' } as const;

/** MTU of the underlay, bytes. */
const UNDERLAY_MTU = 1500;
/** Ethernet, VXLAN, UDP and IP header, bytes (RFC 7348 §5). */
const OVERHEAD = { 4: 50, 6: 70 } as const;

/** Name and addresses of what a side has. */
export function side(which: Side): { readonly host: string; readonly sandbox: string; readonly mac: string; readonly 4: string; readonly 6: string } {
  return { host: `host${which}`, sandbox: `box${which}`, mac: `02:42:00:00:07:1${which}`, 4: `10.7.0.1${which}`, 6: `fd00:7::1${which}` };
}

/** The address of a host in the underlay. */
export function vtep(which: Side, underlay: 4 | 6): string {
  return underlay === 4 ? `192.0.2.${which}` : `2001:db8::${which}`;
}

/** What may be left out of what a host is told of the other. */
export interface Knowledge {
  readonly forwarding?: readonly FdbState[];
  readonly neighbours?: readonly NeighbourState[];
}

/** All that there is to know of the other side. */
export function everything(of: Side, underlay: 4 | 6): Required<Knowledge> {
  const { mac, 4: four, 6: six } = side(of);
  const destination = vtep(of, underlay);
  return {
    forwarding: [{ mac, destination }, { mac, master: true }, { mac: FLOOD_MAC, destination }],
    neighbours: [{ address: four, mac }, { address: six, mac }],
  };
}

/** Links of an overlay on one host, as a driver would state them. */
export function overlayLinks(which: Side, underlay: 4 | 6, { forwarding, neighbours }: Knowledge): LinkState[] {
  const { host, sandbox, mac, 4: four, 6: six } = side(which);
  const namespace = `/run/netns/${host}`;
  const mtu = UNDERLAY_MTU - OVERHEAD[underlay];
  return [
    {
      namespace, name: 'br7', type: 'bridge', label: 'test', mac: GATEWAY.mac, mtu, up: true, addresses: [`${GATEWAY[4]}/24`, `${GATEWAY[6]}/64`],
      ...(neighbours === undefined ? {} : { neighbours }),
    },
    {
      namespace, name: 'vx7', type: 'vxlan', label: 'test', vxlan: { id: 7_777_777, port: 4789, local: vtep(which, underlay) }, master: 'br7', mtu, up: true,
      hairpin: false, learning: false, neighbourSuppression: true, ...(forwarding === undefined ? {} : { forwarding }),
    },
    {
      namespace, name: 'v7', type: 'veth', label: 'test', master: 'br7', up: true, mtu,
      peer: { namespace: `/run/netns/${sandbox}`, name: 'eth0', mac, mtu, up: true, addresses: [`${four}/24`, `${six}/64`] },
    },
  ];
}

/** The pair, once {@link OverlayPair.start} has made its namespaces and the wire between them. For a namespace of one's own. */
export class OverlayPair implements AsyncDisposable {
  readonly #applier: Applier;
  readonly #reaper: Reaper;

  constructor(kernel: Kernel) {
    const groups = { live: 78, doomed: 79 };
    this.#reaper = new Reaper({ kernel, group: groups.doomed, report: () => {}, done: async () => {} });
    this.#applier = new Applier(kernel, { name: 'nft', rebuild: () => [], change: () => [] }, { groups, doomedName: () => 'doomed0' }, this.#reaper);
  }

  /** Makes the namespaces and the wire. */
  async start(underlay: 4 | 6): Promise<void> {
    for (const which of [1, 2] as const) {
      const { host, sandbox } = side(which);
      for (const name of [host, sandbox]) await run(['ip', 'netns', 'add', name]);
    }
    await run(['ip', '-n', 'host1', 'link', 'add', 'under', 'type', 'veth', 'peer', 'name', 'under', 'netns', 'host2']);
    for (const which of [1, 2] as const) {
      const address = `${vtep(which, underlay)}/${underlay === 4 ? 24 : 64}`;
      await run(['ip', '-n', side(which).host, 'address', 'add', address, 'dev', 'under', ...(underlay === 6 ? ['nodad'] : [])]);
      await run(['ip', '-n', side(which).host, 'link', 'set', 'under', 'up']);
    }
  }

  /** Makes a host's part so, from whatever it is. @returns the operations that were needed */
  converge(which: Side, links: readonly LinkState[]): Promise<readonly Op[]> {
    return this.#applier.converge([{ id: `host${which}`, wanted: { links, facts: [] } }]);
  }

  /** Makes it so, from what it was made before. */
  transition(which: Side, links: readonly LinkState[]): Promise<void> {
    return this.#applier.transition([{ id: `host${which}`, wanted: { links, facts: [] } }], { onFailure: 'back' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reaper[Symbol.asyncDispose]();
    for (const which of [1, 2] as const) {
      const { host, sandbox } = side(which);
      for (const name of [sandbox, host]) await run(['ip', 'netns', 'delete', name], { allowFail: true });
    }
  }
}

/** Runs a program in a named namespace. */
export function inside(namespace: string, ...command: readonly string[]): Promise<RunResult> {
  return run(['ip', 'netns', 'exec', namespace, ...command]);
}

/** Whether one ping is answered. */
export async function pings(namespace: string, address: string, ...options: readonly string[]): Promise<boolean> {
  const { code } = await run(['ip', 'netns', 'exec', namespace, 'ping', '-n', '-c', '1', '-W', '1', ...options, address], { allowFail: true });
  return code === 0;
}

/** What a {@link Tap} counts. */
export type Counted = 'askArp' | 'askNd' | 'echo' | 'lost';

/** Of frames that a host unpacks: by kind, and those for a MAC that nobody has. */
const COUNTERS: Readonly<Record<Counted, string>> = {
  askArp: 'ether type arp',
  askNd: 'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }',
  echo: 'meta l4proto . @th,0,8 { icmp . 8, icmpv6 . 128 }',
  lost: 'ether daddr 02:42:00:00:07:99',
};

/** Counts what comes out of the tunnel at a host. */
export async function tap(which: Side): Promise<{ count(): Promise<Record<Counted, number>> }> {
  const { host } = side(which);
  const names = Object.keys(COUNTERS) as Counted[];
  const rules = names.map((name) => `${COUNTERS[name]} counter name ${name}`).join('\n');
  const script = `table netdev tap\ndelete table netdev tap\ntable netdev tap { ${names.map((name) => `counter ${name} { }`).join('\n')}\n chain in { type filter hook ingress device "vx7" priority 0;\n${rules}\n }\n}`;
  await run(['ip', 'netns', 'exec', host, 'nft', '-f', '-'], { input: script });
  return {
    async count() {
      const { stdout } = await inside(host, 'nft', '-j', 'reset', 'counters');
      const { nftables } = JSON.parse(stdout) as { nftables: readonly { readonly counter?: { readonly name: Counted; readonly packets: number } }[] };
      const found = Object.fromEntries(nftables.flatMap(({ counter }) => (counter === undefined ? [] : [[counter.name, counter.packets]])));
      return found as Record<Counted, number>;
    },
  };
}
