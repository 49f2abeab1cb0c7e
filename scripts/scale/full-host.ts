import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Daemon } from '../../bench/daemon.ts';
import { residentMemory } from '../../bench/inside/memory.ts';
import { processorTime } from '../../bench/processor-time.ts';
import { PrivateHost } from '../../test/support/host.ts';
import type { Lan } from '../../test/support/lan.ts';
import { prepareFirewall } from '../../test/support/test-firewall.ts';

/** What stands in a kernel. */
export interface KernelCount {
  /** Forwarding entries of VXLAN links that lead to another host, without those for what all get. */
  readonly forwarding: number;
  /** Permanent neighbours. */
  readonly neighbours: number;
}

/** Where firewalld is installed and does not run, to find that out takes a quarter of a second of processor time for each network that comes; ten hosts on one machine are no measure for that. */
const NO_FIREWALLD = `printf '#!/bin/sh\nexit 252\n' >/run/no-firewalld; chmod 755 /run/no-firewalld
if [ -e /usr/bin/firewall-cmd ]; then mount --bind /run/no-firewalld /usr/bin/firewall-cmd; fi`;

/** A host with a daemon and a kernel. */
export class FullHost implements AsyncDisposable {
  readonly host: PrivateHost;
  readonly daemon: Daemon;
  /** When the kernel had a forwarding entry of a bridge, by MAC, ns of the machine's clock. */
  readonly arrivals: Map<string, bigint> = new Map();
  /** Entries that the kernel has lost since somebody looked. */
  withdrawn = 0;
  #monitor: ChildProcess | undefined;

  private constructor(host: PrivateHost, daemon: Daemon) {
    this.host = host;
    this.daemon = daemon;
  }

  /** @param cluster `etcd://HOST:PORT` */
  static async start(name: string, lan: Lan, cluster: string): Promise<FullHost> {
    const host = await PrivateHost.start({ name, lans: [lan] });
    await host.sh(NO_FIREWALLD);
    const daemon = await Daemon.start(host, 'none', ['--firewall', await prepareFirewall(host), '--cluster', cluster, '--advertise', host.address4]);
    return new FullHost(host, daemon);
  }

  /** MB. */
  get memory(): number {
    return residentMemory(this.daemon.pid);
  }

  /** s of processor time so far. */
  get processor(): number {
    const { user, system } = processorTime(this.daemon.pid);
    return user + system;
  }

  /** Listens to the kernel from now on. */
  listen(): void {
    const [file = '', ...args] = [...this.host.enter, 'bridge', 'monitor', 'fdb'];
    this.#monitor = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    // e.g. `[Deleted ]02:42:ac:11:00:02 dev vx-… master br-… sticky static`
    createInterface({ input: this.#monitor.stdout as NonNullable<ChildProcess['stdout']> }).on('line', (line) => {
      const [, deleted, mac = ''] = /^(Deleted )?([0-9a-f:]{17}) .* master /.exec(line) ?? [];
      if (deleted !== undefined) this.withdrawn += 1;
      else if (mac !== '' && !this.arrivals.has(mac)) this.arrivals.set(mac, process.hrtime.bigint());
    });
  }

  async count(): Promise<KernelCount> {
    const [forwarding, neighbours] = await Promise.all([this.host.sh("bridge fdb show | grep -c ' dst .* self' || true", { timeout: 60_000 }), this.host.sh('ip neigh show nud permanent | wc -l', { timeout: 60_000 })]);
    const floods = await this.host.sh("bridge fdb show | grep -c '^00:00:00:00:00:00 .* dst ' || true", { timeout: 60_000 });
    return { forwarding: Number(forwarding) - Number(floods), neighbours: Number(neighbours) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#monitor !== undefined && this.#monitor.exitCode === null) {
      const over = once(this.#monitor, 'exit');
      this.#monitor.kill('SIGKILL');
      await over;
    }
    await this.daemon[Symbol.asyncDispose]();
    await this.host[Symbol.asyncDispose]();
  }
}
