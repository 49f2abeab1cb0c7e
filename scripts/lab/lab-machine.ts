import { createSandbox, removeSandbox, type ApiCall } from '../../src/api/calls.ts';
import type { SandboxBody } from '../../src/api/wire.ts';
import { run, type RunOptions, type RunResult } from '../../test/support/run.ts';
import { ApiDoor } from './api-door.ts';
import type { GroundMachine } from './ground.ts';
import { LabEngine } from './lab-engine.ts';
import { patient } from './patience.ts';
import { Running } from './running.ts';

/** Where etcd serves clients, and where its members talk with each other. */
const CLIENT_PORT = 2379;
const PEER_PORT = 2380;

/** ms for a command to end, unless told. */
const LIMIT = 15_000;

/** On the machine's disk: it is there again after a power cut. */
const ETCD_FOLDER = '/var/lib/lab-etcd';

/** What one machine of a lab needs to know of all. */
interface Cluster {
  readonly etcdUrls: string;
  readonly members: string;
}

/** An endpoint that was made for a scenario: plain addresses. */
export interface Attached {
  readonly machine: LabMachine;
  readonly name: string;
  /** Path of its network namespace there. */
  readonly space: string;
  readonly ipv4: string;
  /** '' in a network without. */
  readonly ipv6: string;
  readonly mac: string;
}

/** A machine of the lab with its etcd, its daemon and its engine: what can be done on it, and to it. */
export class LabMachine implements AsyncDisposable {
  readonly ground: GroundMachine;
  readonly engine: LabEngine;
  readonly #cluster: Cluster;
  #etcd: Running | undefined;
  #daemon: Running | undefined;
  #door: ApiDoor | undefined;

  /** @param all every machine of the lab, this one too */
  constructor(ground: GroundMachine, all: readonly GroundMachine[]) {
    this.ground = ground;
    this.engine = new LabEngine(this);
    this.#cluster = {
      etcdUrls: all.map(({ address }) => `${address}:${String(CLIENT_PORT)}`).join(','),
      members: all.map(({ name, address }) => `${name}=http://${address}:${String(PEER_PORT)}`).join(','),
    };
  }

  get name(): string {
    return this.ground.name;
  }

  get address(): string {
    return this.ground.address;
  }

  /** Runs a command as root to its end. @throws Error with what it printed, unless told otherwise */
  exec(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return run(this.ground.wrap(command), { ...options, timeout: patient(options.timeout ?? LIMIT) });
  }

  /** Starts a command that goes on. */
  start(command: readonly string[]): Promise<Running> {
    return Running.start(this.ground, command);
  }

  /** The words that run a command in the network of a sandbox. @param space its name, or the path of a network namespace */
  within(space: string, command: readonly string[]): string[] {
    return ['nsenter', `--net=${space.startsWith('/') ? space : spaceOf(space)}`, ...command];
  }

  /** The words that run a script of this project. */
  script(path: string, ...words: readonly string[]): string[] {
    return [this.ground.programs.node, '--disable-warning=ExperimentalWarning', `${this.ground.project}/${path}`, ...words];
  }

  /** Runs a netctl command, however it ends. */
  netctl(...words: readonly string[]): Promise<RunResult> {
    return this.exec(this.script('src/cli/main.ts', ...words), { allowFail: true, timeout: 60_000 });
  }

  /** Asks the daemon. @throws {NetworkError} what it says */
  api<Answer>(call: ApiCall<Answer>): Promise<Answer> {
    if (this.#door === undefined) throw new Error(`${this.name} has no power`);
    return this.#door.send(call);
  }

  /** A sandbox in a network. @throws {NetworkError} what the daemon says */
  async attach(network: string, name: string, { ipv4, ...body }: Partial<SandboxBody> & { readonly ipv4?: string } = {}): Promise<Attached> {
    const { endpoints } = await this.api(createSandbox({ name, networks: [{ network, ...(ipv4 === undefined ? {} : { ipv4 }) }], ...body }));
    const [endpoint] = endpoints;
    return { machine: this, name, space: spaceOf(name), ipv4: plain(endpoint?.ipv4), ipv6: plain(endpoint?.ipv6), mac: endpoint?.mac ?? '' };
  }

  async remove(sandbox: string): Promise<void> {
    await this.api(removeSandbox(sandbox));
  }

  /** Whether one packet from a sandbox is answered. @param space as for {@link within} @param size bytes of the whole IPv4 packet, which may not be cut into pieces */
  async pings(space: string, address: string, size?: number): Promise<boolean> {
    return (await this.ping(space, address, size)).code === 0;
  }

  /** The same, with what ping says. */
  ping(space: string, address: string, size?: number): Promise<RunResult> {
    const sized = size === undefined ? [] : ['-M', 'do', '-s', String(size - 28)];
    return this.exec(this.within(space, ['ping', '-c1', '-W1', ...sized, address]), { allowFail: true });
  }

  /** Resolves when it serves, which it does when two of the three are there. */
  async startEtcd(): Promise<void> {
    const { name, address, programs } = this.ground;
    const [client, peer] = [`http://${address}:${String(CLIENT_PORT)}`, `http://${address}:${String(PEER_PORT)}`];
    await this.exec(['mkdir', '-p', ETCD_FOLDER]);
    this.#etcd = await this.start([
      programs.etcd, `--name=${name}`, `--data-dir=${ETCD_FOLDER}`, '--logger=zap', '--log-level=info',
      `--listen-client-urls=${client}`, `--advertise-client-urls=${client}`, `--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=${this.#cluster.members}`, '--initial-cluster-token=netctl-lab', ...(this.ground.etcdFlags ?? []),
    ]);
    await this.#etcd.waitFor(/serving (insecure )?client (traffic|requests)/);
  }

  async killEtcd(): Promise<void> {
    await this.#etcd?.kill();
    this.#etcd = undefined;
  }

  get hasEtcd(): boolean {
    return this.#etcd?.isOver === false;
  }

  /** @returns standard output of etcdctl, which asks the etcd of this machine */
  async etcdctl(...words: readonly string[]): Promise<string> {
    const { stdout } = await this.exec(['env', 'ETCDCTL_API=3', this.ground.programs.etcdctl, `--endpoints=http://${this.address}:${String(CLIENT_PORT)}`, ...words]);
    return stdout;
  }

  /** Resolves when it serves. */
  async startDaemon(): Promise<void> {
    this.#daemon = await this.start(this.script('src/cli/main.ts', 'daemon', ...this.ground.daemonFlags, '--cluster', `etcd://${this.#cluster.etcdUrls}`, '--advertise', this.address));
    await this.#daemon.waitFor(/INFO netctl .* serves /);
    this.#door ??= await ApiDoor.open(this.ground);
  }

  /** Ends it at once. */
  async killDaemon(): Promise<void> {
    await this.#daemon?.kill();
    this.#daemon = undefined;
  }

  /** What the daemon has said since it was started. */
  get log(): string {
    return this.#daemon?.output ?? '';
  }

  async powerOff(): Promise<void> {
    await this.ground.powerOff();
    this.#etcd = this.#daemon = this.#door = undefined;
  }

  /** Power, etcd and daemon. */
  async powerOn(): Promise<void> {
    await this.ground.powerOn();
    await this.startEtcd();
    await this.startDaemon();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine[Symbol.asyncDispose]();
    await Promise.all([this.#door?.[Symbol.asyncDispose](), this.killDaemon(), this.killEtcd()]);
  }
}

function spaceOf(sandbox: string): string {
  return `/run/netns/${sandbox}`;
}

function plain(address: string | null | undefined): string {
  return address?.split('/')[0] ?? '';
}
