import { fileURLToPath } from 'node:url';
import { run, type RunResult } from '../../../test/support/run.ts';
import type { Ground, GroundMachine } from '../ground.ts';
import { quoteForShell } from '../quote-for-shell.ts';
import { CUT_TABLE, cutByNft } from './cut-by-nft.ts';

/** Where the Vagrantfile is, and what it says. */
const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const NAMES = ['h1', 'h2', 'h3'] as const;
const PROJECT = '/opt/libnetwork-ts';

/** ms for a machine to boot. */
const BOOT = 300_000;

/** What a lab that was killed has left running: what it starts has one of these among its words, and this one has not. */
const LEFT = '[n]etctl-lab|[/]opt/libnetwork-ts/(src|scripts|bench)/';

/** A machine that loses power says nothing more. */
const UNTIL_SILENT = ['-o', 'ServerAliveInterval=5', '-o', 'ServerAliveCountMax=3'];

/** The machines of scripts/lab/Vagrantfile. @throws Error where `vagrant up` has not been done; the reason of a signal that comes meanwhile */
export async function vagrant(signal?: AbortSignal): Promise<Ground> {
  const machines: VagrantMachine[] = [];
  for (const name of NAMES) {
    signal?.throwIfAborted();
    machines.push(await VagrantMachine.find(name));
  }
  await Promise.all(machines.map((machine) => machine.tidy()));
  return { machines, [Symbol.asyncDispose]: async () => void (await Promise.all(machines.map((machine) => machine.tidy()))) };
}

class VagrantMachine implements GroundMachine {
  readonly name: string;
  readonly address: string;
  readonly uplink: string;
  readonly project = PROJECT;
  readonly programs: GroundMachine['programs'];
  readonly cgroup = '/netctl-lab';
  readonly daemonFlags: readonly string[] = [];
  #ssh: readonly string[];

  private constructor(name: string, ssh: readonly string[], { address, uplink, node }: { readonly address: string; readonly uplink: string; readonly node: string }) {
    this.name = name;
    this.#ssh = ssh;
    this.address = address;
    this.uplink = uplink;
    this.programs = { node, etcd: 'etcd', etcdctl: 'etcdctl' };
  }

  /** Asks Vagrant how it is reached, and the machine what it is. */
  static async find(name: string): Promise<VagrantMachine> {
    const ssh = await sshWords(name);
    // The one interface besides Vagrant's own, which has the default route.
    const script = `ip -o -4 address show scope global | grep -v " $(ip -o -4 route show default | sed 's/.* dev \\([^ ]*\\).*/\\1/' | head -n 1) " | head -n 1; ls -d ${PROJECT}/node_modules/node-linux-*/bin/node`;
    const { stdout, stderr } = await run([...ssh, script], { allowFail: true });
    const match = /^\d+: (\S+) +inet ([\d.]+)\/[^\n]*\n(\S+)/.exec(stdout);
    if (match === null) throw new Error(`machine ${name} is not one of the lab: 'vagrant provision' makes it one; it said: ${(stdout + stderr).trim().replaceAll('\n', '; ')}`);
    const [, uplink = '', address = '', node = ''] = match;
    return new VagrantMachine(name, ssh, { address, uplink, node });
  }

  /** Ends what a lab that was killed has left there. */
  async tidy(): Promise<void> {
    await this.heal();
    await run(this.wrap(['pkill', '-KILL', '-f', LEFT]), { allowFail: true });
  }

  wrap(command: readonly string[]): readonly string[] {
    return [...this.#ssh, 'exec', 'sudo', '-n', ...command.map(quoteForShell)];
  }

  /** Vagrant's own network stays. */
  async cut(): Promise<void> {
    await run(this.wrap(['nft', '-f', '-']), { input: cutByNft(this.uplink) });
  }

  async heal(): Promise<void> {
    await run(this.wrap(['nft', 'delete', 'table', 'inet', CUT_TABLE]), { allowFail: true });
  }

  async powerOff(): Promise<void> {
    await runVagrant(['halt', '--force', this.name], BOOT);
  }

  async powerOn(): Promise<void> {
    await runVagrant(['up', '--no-provision', this.name], BOOT);
    // It may have another address on Vagrant's own network.
    this.#ssh = await sshWords(this.name);
  }
}

/** The words before a command that run it on a machine. @throws Error in one line, where Vagrant knows of none that runs */
async function sshWords(name: string): Promise<readonly string[]> {
  const { stdout } = await runVagrant(['ssh-config', name], 60_000).catch((error: unknown) => {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no program vagrant here' : (error as Error).message.trim().split('\n').at(-1);
    throw new Error(`machine ${name} cannot be reached; 'vagrant up' in scripts/lab starts it: ${why ?? ''}`, { cause: error });
  });
  // Values keep their quotation marks: ssh reads them as its configuration file.
  const options = [...stdout.matchAll(/^ {2}(\S+) (.*)$/gm)].map(([, key = '', value = '']) => ({ key, value }));
  const host = options.find(({ key }) => key === 'HostName')?.value ?? name;
  return ['ssh', '-o', 'BatchMode=yes', ...UNTIL_SILENT, ...options.filter(({ key }) => key !== 'HostName').flatMap(({ key, value }) => ['-o', `${key}=${value}`]), host, '--'];
}

function runVagrant(words: readonly string[], timeout: number): Promise<RunResult> {
  return run(['vagrant', ...words], { timeout, env: { VAGRANT_CWD: FOLDER } });
}
