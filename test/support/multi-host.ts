import type Mocha from 'mocha';
import type { Background } from './background.ts';
import { findEtcd, needEtcd } from './etcd.ts';
import { PrivateHost } from './host.ts';
import { Lan } from './lan.ts';
import { Netctl } from './netctl.ts';

/** Where the etcd of the hosts is: at the gateway of their LAN. */
export const ETCD_PORT = 2379;

/** A host of the lab, with its daemon. */
export interface LabHost {
  readonly host: PrivateHost;
  readonly netctl: Netctl;
  daemon: Background;
}

/** Private hosts on one LAN, each with a daemon of its own, and an etcd there that all of them reach. */
export class MultiHostLab implements AsyncDisposable {
  readonly lan: Lan;
  readonly hosts: readonly LabHost[];
  etcd: Background;
  readonly #stack: AsyncDisposableStack;

  private constructor(lan: Lan, hosts: readonly LabHost[], etcd: Background, stack: AsyncDisposableStack) {
    this.lan = lan;
    this.hosts = hosts;
    this.etcd = etcd;
    this.#stack = stack;
  }

  /** Skips the suite where it cannot be had. @param flags of every daemon */
  static async start(context: Mocha.Context, count: number, flags: readonly string[] = []): Promise<MultiHostLab> {
    needEtcd(context);
    await using stack = new AsyncDisposableStack();
    const lan = stack.use(await Lan.start());
    const etcd = stack.use(await startEtcd(lan));
    const machines = await Promise.all(Array.from({ length: count }, (_, index) => PrivateHost.start({ name: `h${String(index + 1)}`, lans: [lan] })));
    for (const host of machines) stack.use(host);
    const hosts = await Promise.all(
      machines.map(async (host): Promise<LabHost> => {
        const netctl = new Netctl(host);
        return { host, netctl, daemon: await netctl.daemon(['--cluster', clusterUrl(host), ...flags]) };
      }),
    );
    return new MultiHostLab(lan, hosts, etcd, stack.move());
  }

  host(number: number): LabHost {
    const host = this.hosts[number - 1];
    if (host === undefined) throw new Error(`there is no host ${String(number)}`);
    return host;
  }

  /** Ends etcd at once; what it has written stays. */
  async stopEtcd(): Promise<void> {
    await this.etcd.kill('SIGKILL');
  }

  /** Has it come back. */
  async startEtcd(): Promise<void> {
    this.etcd = this.#stack.use(await startEtcd(this.lan));
  }

  /** Ends a daemon at once, and starts another one. */
  async restartDaemon(one: LabHost, flags: readonly string[] = []): Promise<void> {
    await one.daemon.kill('SIGKILL');
    one.daemon = await one.netctl.daemon(['--cluster', clusterUrl(one.host), ...flags]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function clusterUrl(host: PrivateHost): string {
  return `etcd://${host.addresses[0]?.gateway4 ?? ''}:${String(ETCD_PORT)}`;
}

/** An etcd at the gateway of a LAN, port {@link ETCD_PORT}; what it writes is there for the next one. */
export async function startEtcd(lan: Lan): Promise<Background> {
  const etcd = await lan.spawn([
    findEtcd() ?? 'etcd', '--name=lab', '--data-dir=/run/etcd', '--logger=zap', '--log-level=info', '--heartbeat-interval=10', '--election-timeout=100',
    `--listen-client-urls=http://0.0.0.0:${String(ETCD_PORT)}`, `--advertise-client-urls=http://127.0.0.1:${String(ETCD_PORT)}`,
    '--listen-peer-urls=http://127.0.0.1:2380', '--initial-advertise-peer-urls=http://127.0.0.1:2380', '--initial-cluster=lab=http://127.0.0.1:2380',
  ]);
  await etcd.waitFor(/serving (insecure )?client (traffic|requests)/);
  return etcd;
}
