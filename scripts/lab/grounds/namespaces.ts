import { fileURLToPath } from 'node:url';
import { findEtcd } from '../../../test/support/etcd.ts';
import { PrivateHost, type PoweredOff } from '../../../test/support/host.ts';
import { Lan } from '../../../test/support/lan.ts';
import { prepareFirewall } from '../../../test/support/test-firewall.ts';
import type { Ground, GroundMachine } from '../ground.ts';

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

/** Three private hosts of this machine on one LAN. @throws Error where root or etcd is missing; the reason of a signal that comes meanwhile */
export async function namespaces(signal?: AbortSignal): Promise<Ground> {
  const etcd = findEtcd();
  if (etcd === undefined) throw new Error('there is no etcd: scripts/setup brings it');
  await using stack = new AsyncDisposableStack();
  const lan = stack.use(await Lan.start());
  const machines: PrivateMachine[] = [];
  // One after the other: the LAN gives addresses in turn, h1 the first.
  for (const name of ['h1', 'h2', 'h3']) {
    signal?.throwIfAborted();
    const host = stack.use(await PrivateHost.start({ name, lans: [lan] }));
    machines.push(new PrivateMachine(lan, host, etcd, await prepareFirewall(host)));
  }
  const owned = stack.move();
  return { machines, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

class PrivateMachine implements GroundMachine {
  readonly name: string;
  readonly address: string;
  readonly uplink = 'eth0';
  readonly project = PROJECT;
  readonly programs: GroundMachine['programs'];
  readonly cgroup: string;
  readonly daemonFlags: readonly string[];
  readonly #lan: Lan;
  #host: PrivateHost | PoweredOff;

  constructor(lan: Lan, host: PrivateHost, etcd: string, firewall: string) {
    this.#lan = lan;
    this.#host = host;
    this.name = host.name;
    this.address = host.address4;
    this.cgroup = host.cgroup;
    this.daemonFlags = ['--firewall', firewall];
    this.programs = { node: process.execPath, etcd, etcdctl: etcd.replace(/etcd$/, 'etcdctl') };
  }

  wrap(command: readonly string[]): readonly string[] {
    if (!(this.#host instanceof PrivateHost)) throw new Error(`${this.name} has no power`);
    return [...this.#host.enter, ...command];
  }

  cut(): Promise<void> {
    return this.#lan.cut(this.address);
  }

  heal(): Promise<void> {
    return this.#lan.heal(this.address);
  }

  async powerOff(): Promise<void> {
    if (this.#host instanceof PrivateHost) this.#host = await this.#host.powerOff();
  }

  async powerOn(): Promise<void> {
    if (this.#host instanceof PrivateHost) return;
    this.#host = await this.#host.powerOn();
  }
}
