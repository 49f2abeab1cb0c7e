import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findEtcd } from '../../../test/support/etcd.ts';
import { run } from '../../../test/support/run.ts';
import type { Ground, GroundMachine } from '../ground.ts';
import { bePatient } from '../patience.ts';
import { unlessAborted } from '../unless-aborted.ts';
import { until } from '../until.ts';
import { CUT_TABLE, cutByNft } from './cut-by-nft.ts';

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const INVM = `${PROJECT}/test/support/invm`;
const CLIENT = `${PROJECT}/scripts/lab/inside/command-client.ts`;
const SERVER = `${PROJECT}/scripts/lab/inside/commands.ts`;

/** Where {@link INVM} has the Ethernet segments of its machines, and the port of {@link SERVER}. */
const SEGMENTS = 'invm-lan';
const PORT = 7000;

/** s: no machine outlives it. */
const LIMIT = 3600;

/** What a daemon of this machine may have written there is not the virtual machine's. */
const FRESH = 'mkdir -p /var/lib/netctl && mount -t tmpfs none /var/lib/netctl && exec "$@"';

/** What node makes of the sources, read in the machines: making it there takes 20 s. */
const COMPILED = { NODE_COMPILE_CACHE: join(process.env['NETCTL_CACHE'] ?? join(homedir(), '.cache/libnetwork-ts'), 'compiled') };

/** How much longer everything takes where no hardware helps: three machines on the processors of one, emulated. */
const SLOW = 10;

/** Three virtual machines with Debian's own kernel and this machine's files, on one segment. @throws Error where qemu or etcd is missing; the reason of a signal that comes meanwhile */
export async function qemu(signal?: AbortSignal): Promise<Ground> {
  const etcd = findEtcd();
  if (etcd === undefined) throw new Error('there is no etcd: scripts/setup brings it');
  const { code, stderr } = await run([INVM, '--check'], { allowFail: true });
  if (code !== 0) throw new Error(`no virtual machines here: ${stderr.trim().replace(/^invm: /u, '')}`);
  if (!/kvm/.test(stderr)) bePatient(SLOW);
  await run([INVM, '--prepare'], { timeout: 600_000 });
  const segment = { name: `lab${String(process.pid)}`, prefix: `10.77.${String(process.pid % 250)}.` };
  await using stack = new AsyncDisposableStack();
  const machines = ['h1', 'h2', 'h3'].map((name, index) => stack.use(new VirtualMachine(name, segment, index + 1, etcd)));
  const boot = async (): Promise<void> => {
    await until('the machines have a segment', async () => {
      await run(['ip', '-n', SEGMENTS, 'address', 'replace', `${segment.prefix}254/24`, 'dev', `b-${segment.name}`]);
      return true;
    });
    await Promise.all(machines.map((machine) => machine.isUp()));
  };
  await unlessAborted(boot, signal);
  const owned = stack.move();
  return { machines, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

interface Segment {
  readonly name: string;
  /** `10.77.1.` */
  readonly prefix: string;
}

class VirtualMachine implements GroundMachine, AsyncDisposable {
  readonly name: string;
  readonly address: string;
  readonly uplink = 'eth0';
  readonly project = PROJECT;
  readonly programs: GroundMachine['programs'];
  readonly cgroup = '/netctl-lab';
  readonly daemonFlags: readonly string[] = [];
  readonly etcdFlags = ['--heartbeat-interval=500', '--election-timeout=5000'];
  readonly hasDisk = false;
  readonly #here: string;
  readonly #vm: ChildProcess;
  #said = '';

  constructor(name: string, { name: segment, prefix }: Segment, number: number, etcd: string) {
    this.name = name;
    this.address = prefix + String(number);
    this.#here = `${prefix}254`;
    this.programs = { node: process.execPath, etcd, etcdctl: etcd.replace(/etcd$/, 'etcdctl') };
    const words = ['--memory', '1024', '--cpus', '1', '--timeout', String(LIMIT), '--hostname', name, '--lan', `${segment}=${this.address}/24`];
    // Certificates that a caller may have added are read at every start of node, which costs seconds there.
    const server = ['env', '-u', 'NODE_EXTRA_CA_CERTS', process.execPath, '--disable-warning=ExperimentalWarning', SERVER, this.address, String(PORT)];
    this.#vm = spawn('setpriv', ['--pdeathsig', 'TERM', INVM, ...words, '--', 'sh', '-c', FRESH, 'sh', ...server], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...COMPILED, OUT: '' } });
    for (const stream of [this.#vm.stdout, this.#vm.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (this.#said += text));
  }

  /** Resolves when it takes commands. @throws Error with what it said */
  isUp(): Promise<boolean> {
    return until(`${this.name} has booted`, () => {
      if (this.#vm.exitCode !== null) throw new Error(this.#said.slice(-500));
      return Promise.resolve(this.#said.includes('ready'));
    });
  }

  wrap(command: readonly string[]): readonly string[] {
    return ['setpriv', '--pdeathsig', 'KILL', 'nsenter', `--net=/run/netns/${SEGMENTS}`, '--', process.execPath, '--disable-warning=ExperimentalWarning', CLIENT, this.address, String(PORT), ...command];
  }

  async cut(): Promise<void> {
    await run(this.wrap(['nft', '-f', '-']), { input: cutByNft(this.uplink, this.#here) });
  }

  async heal(): Promise<void> {
    await run(this.wrap(['nft', 'delete', 'table', 'inet', CUT_TABLE]), { allowFail: true });
  }

  powerOff(): Promise<void> {
    return Promise.reject(new Error(`${this.name} has no disk: it would not come back`));
  }

  powerOn(): Promise<void> {
    return this.powerOff();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#vm.exitCode !== null) return;
    this.#vm.kill('SIGTERM');
    await once(this.#vm, 'close');
  }
}
