import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type Mocha from 'mocha';
import { findProgram } from './find-program.ts';
import { run } from './run.ts';
import { skip } from './skip.ts';

/** How an etcd is started. */
export interface EtcdOptions {
  /** The port for clients; that for other members is the next one. */
  readonly port?: number;
  readonly flags?: readonly string[];
  /** PEM files with which it serves TLS. */
  readonly tls?: { readonly certificate: string; readonly key: string; readonly clientCa?: string };
  /** Ports for clients of all members, itself included. Default: it is alone. */
  readonly members?: readonly number[];
}

const PORT = 2379;
let started = 0;

/** Skips the suite where there is no etcd. */
export function needEtcd(context: Mocha.Context): void {
  if (find('etcd') === undefined) skip(context, 'program etcd (scripts/setup brings it)');
}

/** A real etcd on 127.0.0.1, for tests in namespaces of their own: it lives on its /run and ends with this process. */
export class Etcd implements AsyncDisposable {
  /** URL for clients. */
  readonly url: string;
  readonly port: number;
  readonly #arguments: readonly string[];
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #log = '';

  private constructor(port: number, url: string, folder: string, args: readonly string[]) {
    this.port = port;
    this.url = url;
    this.#folder = folder;
    this.#arguments = args;
  }

  /** Starts one that is new; resolves when it serves. */
  static async start(options: EtcdOptions = {}): Promise<Etcd> {
    const etcd = await Etcd.prepare(options);
    await etcd.start();
    return etcd;
  }

  /** One that is new and does not run yet. */
  static async prepare({ port = PORT, flags = [], tls, members = [port] }: EtcdOptions = {}): Promise<Etcd> {
    const folder = await mkdtemp('/run/etcd-');
    const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
    started += 1;
    return new Etcd(port, url, folder, [
      `--name=m${port}`, `--data-dir=${folder}/data`, '--logger=zap', '--log-level=info',
      `--listen-client-urls=${url}`, `--advertise-client-urls=${url}`,
      `--listen-peer-urls=http://127.0.0.1:${port + 1}`, `--initial-advertise-peer-urls=http://127.0.0.1:${port + 1}`,
      `--initial-cluster=${members.map((member) => `m${member}=http://127.0.0.1:${member + 1}`).join(',')}`,
      // another name gives another cluster id
      `--initial-cluster-token=${members.length === 1 ? `alone-${started}` : 'cluster'}`,
      // alone, it waits that long for others before it leads
      ...(members.length === 1 ? ['--heartbeat-interval=10', '--election-timeout=100'] : []),
      ...(tls === undefined ? [] : [`--cert-file=${tls.certificate}`, `--key-file=${tls.key}`]),
      ...(tls?.clientCa === undefined ? [] : ['--client-cert-auth', `--trusted-ca-file=${tls.clientCa}`]),
      ...flags,
    ]);
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts it, with the data that it has; resolves when it serves. */
  async start(): Promise<void> {
    this.#log = '';
    // ends with us, however we end
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', find('etcd') ?? 'etcd', ...this.#arguments], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#log = (this.#log + text).slice(-20_000)));
    const end = performance.now() + 15_000;
    while (!/serving client traffic/.test(this.#log)) {
      if (!this.running || performance.now() > end) throw new Error(`etcd does not serve:\n${this.#log}`);
      await wait(20);
    }
  }

  /** Sends a signal; one that ends it is waited for. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.running) return;
    const over = once(child, 'exit');
    child.kill(signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await over;
  }

  /** Forgets all its data; only while it does not run. */
  async wipe(): Promise<void> {
    await rm(join(this.#folder, 'data'), { recursive: true });
  }

  /** Runs etcdctl with this server. @returns its standard output */
  async ctl(...args: readonly string[]): Promise<string> {
    const { stdout } = await run([find('etcdctl') ?? 'etcdctl', `--endpoints=${this.url}`, ...args], { env: { ETCDCTL_API: '3' } });
    return stdout;
  }

  /** Whether it leads its cluster. */
  async isLeader(): Promise<boolean> {
    const [status] = JSON.parse(await this.ctl('endpoint', 'status', '-w', 'json')) as { Status: { header: { member_id: number }; leader: number } }[];
    return status?.Status.leader === status?.Status.header.member_id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Several etcds that are one cluster. */
export class EtcdCluster implements AsyncDisposable {
  readonly members: readonly Etcd[];

  private constructor(members: readonly Etcd[]) {
    this.members = members;
  }

  static async start(size = 3, flags: readonly string[] = []): Promise<EtcdCluster> {
    const ports = Array.from({ length: size }, (_, at) => PORT + 10 * at);
    const members = await Promise.all(ports.map((port) => Etcd.prepare({ port, members: ports, flags })));
    const cluster = new EtcdCluster(members);
    await cluster.start();
    return cluster;
  }

  get urls(): readonly string[] {
    return this.members.map(({ url }) => url);
  }

  /** Starts those that do not run. */
  async start(): Promise<void> {
    await Promise.all(this.members.filter(({ running }) => !running).map((member) => member.start()));
  }

  /** The member that leads, of those that run. */
  async leader(): Promise<Etcd> {
    for (;;) {
      for (const member of this.members) if (member.running && (await member.isLeader().catch(() => false))) return member;
      await wait(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member[Symbol.asyncDispose]()));
  }
}

/** Path of the etcd program; undefined where there is none. */
export function findEtcd(): string | undefined {
  return find('etcd');
}

/** A program of the system, or that scripts/setup has unpacked. */
function find(program: string): string | undefined {
  return ['usr/bin', 'usr/local/bin'].map((folder) => findProgram(`${folder}/${program}`)?.path).find((path) => path !== undefined);
}
