import { fileURLToPath } from 'node:url';
import { run } from '../../../test/support/run.ts';
import type { Ground, GroundMachine } from '../ground.ts';
import { quoteForShell } from '../quote-for-shell.ts';
import { CUT_TABLE, cutByNft } from './cut-by-nft.ts';

/** Where the Vagrantfile is, and what it says. */
const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const NAMES = ['h1', 'h2', 'h3'] as const;
const PROJECT = '/opt/libnetwork-ts';

/** ms for a machine to boot. */
const BOOT = 300_000;

/** The machines of scripts/lab/Vagrantfile. @throws Error where `vagrant up` has not been done */
export async function vagrant(): Promise<Ground> {
  const machines = await Promise.all(NAMES.map((name) => VagrantMachine.find(name)));
  return { machines, [Symbol.asyncDispose]: async () => void (await Promise.all(machines.map((machine) => machine.heal()))) };
}

class VagrantMachine implements GroundMachine {
  readonly name: string;
  readonly address: string;
  readonly uplink: string;
  readonly project = PROJECT;
  readonly programs: GroundMachine['programs'];
  readonly cgroup = '/netctl-lab';
  readonly daemonFlags: readonly string[] = [];
  readonly #ssh: readonly string[];

  private constructor(name: string, ssh: readonly string[], { address, uplink, node }: { readonly address: string; readonly uplink: string; readonly node: string }) {
    this.name = name;
    this.#ssh = ssh;
    this.address = address;
    this.uplink = uplink;
    this.programs = { node, etcd: 'etcd', etcdctl: 'etcdctl' };
  }

  /** Asks Vagrant how it is reached, and the machine what it is. */
  static async find(name: string): Promise<VagrantMachine> {
    const said = await run(['env', '-C', FOLDER, 'vagrant', 'ssh-config', name], { timeout: 60_000 }).catch((error: unknown) => {
      throw new Error(`machine ${name} cannot be reached; 'vagrant up' in scripts/lab starts it: ${(error as Error).message}`, { cause: error });
    });
    const options = [...said.stdout.matchAll(/^ {2}(\S+) "?(.*?)"?$/gm)].map(([, key = '', value = '']) => ({ key, value }));
    const host = options.find(({ key }) => key === 'HostName')?.value ?? name;
    const ssh = ['ssh', '-o', 'BatchMode=yes', ...options.filter(({ key }) => key !== 'HostName').flatMap(({ key, value }) => ['-o', `${key}=${value}`]), host, '--'];
    // The one interface besides Vagrant's own, which has the default route.
    const script = `ip -o -4 address show scope global | grep -v " $(ip -o -4 route show default | sed 's/.* dev \\([^ ]*\\).*/\\1/' | head -n 1) " | head -n 1; ls -d ${PROJECT}/node_modules/node-linux-*/bin/node`;
    const { stdout } = await run([...ssh, script]);
    const match = /^\d+: (\S+) +inet ([\d.]+)\/[^\n]*\n(\S+)/.exec(stdout);
    if (match === null) throw new Error(`machine ${name} is not one of the lab: 'vagrant provision' makes it one; it said:\n${stdout}`);
    const [, uplink = '', address = '', node = ''] = match;
    return new VagrantMachine(name, ssh, { address, uplink, node });
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
    await run(['env', '-C', FOLDER, 'vagrant', 'halt', '--force', this.name], { timeout: BOOT });
  }

  async powerOn(): Promise<void> {
    await run(['env', '-C', FOLDER, 'vagrant', 'up', '--no-provision', this.name], { timeout: BOOT });
  }
}
