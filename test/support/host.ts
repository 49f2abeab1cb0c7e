import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Lan, type LanAddress } from './lan.ts';
import { Namespaces, stateFolder } from './namespaces.ts';
import { Place } from './place.ts';
import { readState, type MachineState } from './machine-state.ts';

/** How a private host is made. */
export interface HostOptions {
  /** Host name; `host` unless told. */
  readonly name?: string;
  /** LANs to plug into as eth0, eth1; a new one of its own unless told. Given ones are not disposed with the host. */
  readonly lans?: readonly Lan[];
}

/** What is left of a host without power: its disk. */
export interface PoweredOff extends AsyncDisposable {
  powerOn(): Promise<PrivateHost>;
}

let made = 0;

/**
 * A host of its own on this machine: own processes, network, mounts and host name, private /run,
 * /etc, /var/lib (docker and netctl included), an uplink eth0 into a {@link Lan}. Nothing of it can
 * be seen on the machine, and nothing of it outlives {@link PrivateHost[Symbol.asyncDispose]}.
 *
 * @example
 * ```ts
 * await using host = await PrivateHost.start();
 * await host.exec(['ip', 'netns', 'add', 'blue']);
 * await using served = await host.netns('blue').serve(80, 'tcp', 'hello');
 * assert(await host.outside.canReach(host.address4, 8080));
 * ```
 */
export class PrivateHost extends Place implements AsyncDisposable {
  readonly name: string;
  /** First process of the host, as the machine sees it. */
  readonly pid: number;
  /** What survives a reboot: etc, varlib (overlays), docker, netctl. */
  readonly folder: string;
  /** The LAN of eth0, which also plays the internet. */
  readonly outside: Lan;
  /** Addresses of eth0, eth1 … */
  readonly addresses: readonly LanAddress[];
  /** cgroup below which an engine has to put its containers, so that they can be told from the machine's. */
  readonly cgroup: string;
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    super(parts.namespaces.pid);
    this.#parts = parts;
    this.name = parts.name;
    this.pid = parts.namespaces.pid;
    this.folder = parts.folder.path;
    this.outside = parts.lans[0] as Lan;
    this.addresses = parts.addresses;
    this.cgroup = parts.cgroup;
  }

  /** Brings a host up. @throws Error with the words of what failed, e.g. without root */
  static async start(options: HostOptions = {}): Promise<PrivateHost> {
    const name = options.name ?? 'host';
    await using cleanup = new AsyncDisposableStack();
    const folder = cleanup.use(await stateFolder(name));
    const [namespaces, lans] = await Promise.all([
      Namespaces.start('host', name, folder.path),
      options.lans === undefined ? Lan.start().then((lan) => [cleanup.use(lan)]) : options.lans,
    ]);
    cleanup.use(namespaces);
    const addresses = await plugIn(lans, namespaces.pid, []);
    const cgroup = `/private-${String(process.pid)}-${String((made += 1))}`;
    return new PrivateHost({ name, folder, namespaces, lans, addresses, cgroup, cleanup: cleanup.move() });
  }

  /** IPv4 address of eth0. */
  get address4(): string {
    return this.addresses[0]?.address4 ?? '';
  }

  /** IPv6 address of eth0. */
  get address6(): string {
    return this.addresses[0]?.address6 ?? '';
  }

  /** The path by which the machine reaches a path of this host, mounts of the host included. */
  path(inside: string): string {
    return `/proc/${String(this.pid)}/root${inside}`;
  }

  /** Everything of the host that a test might leave behind, as text. Compare with {@link difference}. */
  snapshot(): Promise<MachineState> {
    return readState(this);
  }

  /** Power cut and start: every process, link and namespace is gone, /etc and /var/lib are as they were. The old object is dead. */
  async reboot(): Promise<PrivateHost> {
    return (await this.powerOff()).powerOn();
  }

  /** The first half of that. */
  async powerOff(): Promise<PoweredOff> {
    const { name, folder, lans, addresses, cgroup, cleanup } = this.#parts;
    await this.#parts.namespaces[Symbol.asyncDispose]();
    return {
      powerOn: async () => {
        const namespaces = cleanup.use(await Namespaces.start('host', name, folder.path));
        await plugIn(lans, namespaces.pid, addresses);
        return new PrivateHost({ name, folder, namespaces, lans, addresses, cgroup, cleanup });
      },
      [Symbol.asyncDispose]: () => this[Symbol.asyncDispose](),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.cleanup.disposeAsync();
    await removeCgroups(this.cgroup);
  }
}

interface Parts {
  readonly name: string;
  readonly folder: AsyncDisposable & { readonly path: string };
  readonly namespaces: Namespaces;
  readonly lans: readonly Lan[];
  readonly addresses: readonly LanAddress[];
  readonly cgroup: string;
  readonly cleanup: AsyncDisposableStack;
}

async function plugIn(lans: readonly Lan[], pid: number, before: readonly LanAddress[]): Promise<LanAddress[]> {
  const addresses: LanAddress[] = [];
  for (const [index, lan] of lans.entries()) addresses.push(await lan.plug(pid, `eth${String(index)}`, before[index]));
  return addresses;
}

/** Removes the empty cgroups that an engine of this host left in the machine's hierarchies. */
async function removeCgroups(cgroup: string): Promise<void> {
  const top = '/sys/fs/cgroup';
  const hierarchies = await readdir(top, { withFileTypes: true }).catch(() => []);
  for (const folder of [top, ...hierarchies.filter((entry) => entry.isDirectory()).map((entry) => join(top, entry.name))]) {
    await removeTree(join(folder, cgroup));
  }
}

async function removeTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(folder, entry.name));
  await rmdir(folder).catch(() => {}); // most hierarchies have none
}
