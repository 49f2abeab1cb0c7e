import { createNetwork, getCluster, listNetworks, listSandboxes, removeNetwork } from '../../src/api/calls.ts';
import type { NetworkBody } from '../../src/api/wire.ts';
import type { Ground } from './ground.ts';
import { LabMachine } from './lab-machine.ts';
import { unlessAborted } from './unless-aborted.ts';
import { until } from './until.ts';

/** Bridges and VXLAN links of networks. */
export const OF_NETWORK: RegExp = /^(?:br|vx)-[0-9a-f]{12}$/;

/** Three machines, each with an etcd, a daemon and, where one is there, an engine, as one cluster. */
export class Lab implements AsyncDisposable {
  readonly machines: readonly [LabMachine, LabMachine, LabMachine];
  readonly #ground: Ground;

  private constructor(ground: Ground, machines: readonly [LabMachine, LabMachine, LabMachine]) {
    this.#ground = ground;
    this.machines = machines;
  }

  /** Starts everything on the machines; they end with the lab, however this goes. @throws the reason of a signal that comes meanwhile */
  static async start(ground: Ground, signal?: AbortSignal): Promise<Lab> {
    await using stack = new AsyncDisposableStack();
    stack.use(ground);
    const [one, two, three] = ground.machines.map((machine) => stack.use(new LabMachine(machine, ground.machines)));
    if (one === undefined || two === undefined || three === undefined) throw new Error('a lab has three machines');
    const lab = new Lab(ground, [one, two, three]);
    await unlessAborted(() => lab.#bringUp(), signal);
    stack.move();
    return lab;
  }

  async #bringUp(): Promise<void> {
    await this.startEtcd();
    await Promise.all(this.machines.map((machine) => machine.startDaemon()));
    // Machines that outlive a lab have what one that was ended has left.
    await this.clean();
  }

  /** Starts the etcds that do not run; resolves when all serve. */
  async startEtcd(): Promise<void> {
    await Promise.all(this.machines.filter(({ hasEtcd }) => !hasEtcd).map((machine) => machine.startEtcd()));
  }

  /** The machine whose etcd leads. */
  async etcdLeader(): Promise<LabMachine> {
    interface Status {
      readonly Status: { readonly header: { readonly member_id: number }; readonly leader: number };
    }
    const leads = async (machine: LabMachine): Promise<boolean> => {
      const [first] = JSON.parse(await machine.etcdctl('endpoint', 'status', '-w', 'json').catch(() => '[]')) as Status[];
      return first !== undefined && first.Status.leader === first.Status.header.member_id;
    };
    const leading = await until('an etcd leads', async () => {
      const answers = await Promise.all(this.machines.map(leads));
      return this.machines.find((_, index) => answers[index] === true);
    });
    return leading;
  }

  /** Resolves when every machine sees all three. */
  async settled(): Promise<void> {
    for (const machine of this.machines) {
      await until(`${machine.name} sees the others`, async () => {
        const { isReachable, hosts } = await machine.api(getCluster());
        return isReachable && hosts.filter(({ state }) => state !== 'lost').length === this.machines.length;
      }, 60_000);
    }
  }

  /** A network of the cluster, there on every machine. */
  async network(name: string, body: Partial<NetworkBody> = {}): Promise<void> {
    await this.machines[0].api(createNetwork({ name, driver: 'overlay', ...body }));
    for (const machine of this.machines) {
      await until(`network ${name} is on ${machine.name}`, async () => (await machine.api(listNetworks())).some((network) => network.name === name));
    }
  }

  /** Starts the engines that do not run; resolves when all answer. */
  async startEngines(): Promise<void> {
    await Promise.all(this.machines.map(({ engine }) => engine.start()));
  }

  /** Takes away what a scenario has left, and has everything there again that it took away. */
  async clean(): Promise<void> {
    await this.startEtcd();
    await this.settled();
    await Promise.all(this.machines.map(({ engine }) => engine.clean()));
    for (const machine of this.machines) {
      const sandboxes = await machine.api(listSandboxes());
      await Promise.all(sandboxes.map(({ name }) => machine.remove(name)));
    }
    for (const name of await overlays(this.machines[0])) {
      // Others give their addresses back as soon as they have heard that their last endpoint is gone.
      await until(`network ${name} is removed`, () => this.machines[0].api(removeNetwork(name, false)).then(() => true));
    }
    for (const machine of this.machines) await until(`${machine.name} has no network of the cluster`, async () => (await overlays(machine)).length === 0);
    await Promise.all(this.machines.map((machine) => until(`${machine.name} has no link of a network`, async () => {
      const links = (await machine.exec(['ls', '/sys/class/net'])).stdout.split(/\s+/).filter((link) => OF_NETWORK.test(link));
      if (links.length > 0) throw new Error(`it has ${links.join(', ')}`);
      return true;
    })));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.machines.map((machine) => machine[Symbol.asyncDispose]()));
    await this.#ground[Symbol.asyncDispose]();
  }
}

/** Names of the networks of the cluster that a machine has. */
async function overlays(machine: LabMachine): Promise<string[]> {
  return (await machine.api(listNetworks())).filter(({ driver }) => driver === 'overlay').map(({ name }) => name);
}
