import { setTimeout as delay } from 'node:timers/promises';
import { residentMemory } from '../../bench/inside/memory.ts';
import { processorTime } from '../../bench/processor-time.ts';
import { createNetwork, getCluster, listNetworks } from '../../src/api/calls.ts';
import type { Background } from '../../test/support/background.ts';
import { findEtcd } from '../../test/support/etcd.ts';
import { Lan } from '../../test/support/lan.ts';
import { ETCD_PORT, startEtcd } from '../../test/support/multi-host.ts';
import { Crowd } from './crowd.ts';
import { FullHost, type KernelCount } from './full-host.ts';
import type { ScaleOptions } from './options.ts';
import type { CrowdReply, CrowdRequest, Written } from './protocol.ts';

/** Processes that carry the simulated hosts. */
const CROWDS = 3;
/** An endpoint of which a kernel has said nothing for so long, ms, was left out of what it says, or waits behind very many. */
const LEFT_OUT = 60_000;
/** Longer than this nothing takes, ms. */
const PATIENCE = 1_800_000;

/** What an amount of coming and going costs. */
export interface Churn {
  /** Endpoints that came. */
  readonly written: readonly Written[];
  /** From the moment at which its host told until it was in the kernel of a full host, ms: of all endpoints and all full hosts. */
  readonly delays: readonly number[];
  /** Of those that never came. */
  readonly missing: number;
  /** s, until the last was there. */
  readonly seconds: number;
  /** s of processor time: of each daemon, and of etcd. */
  readonly daemons: readonly number[];
  readonly etcd: number;
}

/** A cluster of full and simulated hosts. */
export class Simulation implements AsyncDisposable {
  readonly full: readonly FullHost[];
  readonly #lan: Lan;
  readonly #crowds: readonly Crowd[];
  readonly #stack: AsyncDisposableStack;
  #etcd: Background;

  private constructor(lan: Lan, etcd: Background, full: readonly FullHost[], crowds: readonly Crowd[], stack: AsyncDisposableStack) {
    this.#lan = lan;
    this.#etcd = etcd;
    this.full = full;
    this.#crowds = crowds;
    this.#stack = stack;
  }

  /** Etcd and daemons; nothing is in the cluster yet. @throws Error where root or etcd is missing */
  static async start({ hosts, daemons, endpoints }: ScaleOptions): Promise<Simulation> {
    if (findEtcd() === undefined) throw new Error('there is no etcd: scripts/setup brings it');
    await using stack = new AsyncDisposableStack();
    const lan = stack.use(await Lan.start());
    const etcd = stack.use(await startEtcd(lan));
    const full: FullHost[] = [];
    // The gateway of the LAN.
    const cluster = `etcd://198.51.100.1:${String(ETCD_PORT)}`;
    for (let number = 1; number <= daemons; number += 1) full.push(stack.use(await FullHost.start(`full${String(number)}`, lan, cluster)));
    const simulated = hosts - daemons;
    const count = Math.min(CROWDS, simulated);
    const crowds: Crowd[] = [];
    for (let index = 0; index < count; index += 1) {
      const first = Math.floor((simulated * index) / count);
      const next = Math.floor((simulated * (index + 1)) / count);
      crowds.push(stack.use(await Crowd.start(lan, { cluster, first, hosts: next - first, endpointsEach: Math.round(endpoints / simulated) })));
    }
    return new Simulation(lan, etcd, full, crowds, stack.move());
  }

  /** Networks, made by the first daemon, until every full host has them. @returns ms */
  async makeNetworks(count: number): Promise<number> {
    const { client } = (this.full[0] as FullHost).daemon;
    return timed(async () => {
      // One large one, or many from the same range: a block for each host that has endpoints there.
      for (let number = 0; number < count; number += 1) {
        const subnet = count === 1 ? '10.0.0.0/12' : `10.${String(number >> 4)}.${String((number & 15) * 16)}.0/20`;
        await client.send(createNetwork({ name: `net${String(number).padStart(4, '0')}`, driver: 'overlay', subnets: [subnet] }));
      }
      for (const { daemon } of this.full) await until(async () => (await daemon.client.send(listNetworks())).length >= count);
    });
  }

  /** Has every simulated host do something. @returns ms, and what they say */
  async all(request: CrowdRequest): Promise<{ readonly ms: number; readonly replies: readonly CrowdReply[] }> {
    const started = performance.now();
    const replies = await Promise.all(this.#crowds.map((crowd) => crowd.ask(request)));
    return { ms: performance.now() - started, replies };
  }

  /** Until every full host knows of so many. @returns ms */
  allKnow(hosts: number): Promise<number> {
    return timed(async () => {
      for (const { daemon } of this.full) await until(async () => (await daemon.client.send(getCluster())).hosts.filter(({ state }) => state !== 'lost').length >= hosts);
    });
  }

  /** One endpoint more, until every kernel has it: then it has what came before, too. @returns ms */
  async followed(): Promise<number> {
    return timed(async () => {
      // A kernel that has a lot to tell leaves some of it out: another one, then.
      for (let isThere = false; !isThere; ) {
        const [one] = (await (this.#crowds[0] as Crowd).ask({ do: 'add' })).written ?? [];
        isThere = await until(async () => this.full.every(({ arrivals }) => arrivals.has(one?.mac ?? '')), 10, LEFT_OUT).then(() => true, () => false);
      }
    });
  }

  /** How many endpoints there are on simulated hosts. */
  async endpoints(): Promise<number> {
    return (await this.all({ do: 'state' })).replies.reduce((sum, { endpoints }) => sum + endpoints, 0);
  }

  /** How often a simulated host has lost its place so far: its process had no time to keep its lease alive. */
  async lost(): Promise<number> {
    return (await this.all({ do: 'state' })).replies.reduce((sum, { lost }) => sum + lost, 0);
  }

  /** Endpoints that come and go. @param rate of all hosts together, a second */
  async churn(rate: number, seconds: number): Promise<Churn> {
    const before = this.#processor();
    const started = performance.now();
    const each = rate / this.#crowds.length;
    const { replies } = await this.all({ do: 'churn', rate: each, seconds });
    const written = replies.flatMap((reply) => reply.written ?? []);
    const isThere = ({ mac }: Written): boolean => this.full.every(({ arrivals }) => arrivals.has(mac));
    await until(async () => written.every(isThere), 20, 60_000).catch(() => {});
    const after = this.#processor();
    const delays = written.flatMap(({ mac, at }) => this.full.flatMap(({ arrivals }) => (arrivals.has(mac) ? [Number((arrivals.get(mac) ?? 0n) - BigInt(at)) / 1e6] : [])));
    return {
      written,
      delays,
      missing: written.filter((one) => !isThere(one)).length,
      seconds: (performance.now() - started) / 1000,
      daemons: after.daemons.map((time, index) => time - (before.daemons[index] ?? 0)),
      etcd: after.etcd - before.etcd,
    };
  }

  /** Processor time of each daemon and of etcd over a while in which nothing happens, s. */
  async idle(seconds: number): Promise<Pick<Churn, 'daemons' | 'etcd'>> {
    const before = this.#processor();
    await delay(seconds * 1000);
    const after = this.#processor();
    return { daemons: after.daemons.map((time, index) => time - (before.daemons[index] ?? 0)), etcd: after.etcd - before.etcd };
  }

  /** Etcd is killed, and started again at once. @returns ms from its end until it serves, and until every kernel follows again */
  async restartEtcd(): Promise<{ readonly serves: number; readonly follows: number }> {
    await this.#settle();
    const started = performance.now();
    await this.#etcd.kill('SIGKILL');
    this.#etcd = this.#stack.use(await startEtcd(this.#lan));
    const serves = performance.now() - started;
    await this.followed();
    return { serves, follows: performance.now() - started };
  }

  /** Until the watch of every simulated host has come as far as etcd was when this was called. @returns ms */
  async allWatch(): Promise<number> {
    return timed(async () => {
      await (this.#crowds[0] as Crowd).ask({ do: 'add' });
      const goal = Number(await this.#etcdctl('get', 'x', '-w', 'fields').then((text) => /"Revision" : (\d+)/.exec(text)?.[1]));
      await until(async () => (await this.all({ do: 'state' })).replies.every(({ revision }) => revision >= goal));
    });
  }

  /** While full hosts are cut off, etcd starts anew, and what they miss is compacted: they have to read everything again. @returns ms from the end of the cut until every kernel follows */
  async compact(): Promise<number> {
    await this.#settle();
    for (const { host } of this.full) await this.#lan.cut(host.address4);
    await this.#etcd.kill('SIGKILL');
    this.#etcd = this.#stack.use(await startEtcd(this.#lan));
    await this.all({ do: 'add' });
    const revision = /"Revision" : (\d+)/.exec(await this.#etcdctl('get', 'x', '-w', 'fields'))?.[1] ?? '';
    await this.#etcdctl('compact', revision);
    for (const { host } of this.full) await this.#lan.heal(host.address4);
    return this.followed();
  }

  counts(): Promise<KernelCount[]> {
    return Promise.all(this.full.map((one) => one.count()));
  }

  /** MB. */
  get etcdMemory(): number {
    return residentMemory(this.#etcd.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** Until everything that was told is in the kernels, from which nothing goes from then on. */
  async #settle(): Promise<void> {
    await this.followed();
    for (const one of this.full) one.withdrawn = 0;
  }

  async #etcdctl(...words: readonly string[]): Promise<string> {
    const program = (findEtcd() ?? '').replace(/etcd$/, 'etcdctl');
    return (await this.#lan.exec(['env', 'ETCDCTL_API=3', program, `--endpoints=http://127.0.0.1:${String(ETCD_PORT)}`, ...words], { timeout: 60_000 })).stdout;
  }

  #processor(): { readonly daemons: readonly number[]; readonly etcd: number } {
    const { user, system } = processorTime(this.#etcd.pid);
    return { daemons: this.full.map(({ processor }) => processor), etcd: user + system };
  }
}

async function timed(task: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await task();
  return performance.now() - started;
}

/** @throws Error when it does not become true in time */
async function until(isTrue: () => Promise<boolean>, pause = 200, patience = PATIENCE): Promise<void> {
  for (const end = performance.now() + patience; !(await isTrue()); await delay(pause)) if (performance.now() > end) throw new Error(`what was waited for did not come within ${String(patience / 1000)} s`);
}
