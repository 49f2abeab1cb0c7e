import { CLIENT_ENVIRONMENT, dockerCommand, dockerdCommand } from '../../test/support/engine-commands.ts';
import type { Attached, LabMachine } from './lab-machine.ts';
import type { Running } from './running.ts';
import { until } from './until.ts';

/** ms for an engine to start on a slow machine, and for one command. */
const LIMIT = 120_000;

const IMAGE = 'bb';
/** Busybox under all its names. */
const MAKE_IMAGE = `folder=$(mktemp -d)
  mkdir $folder/bin $folder/tmp && cp "$(command -v busybox)" $folder/bin/busybox
  for name in $(busybox --list); do [ "$name" = busybox ] || ln -s busybox "$folder/bin/$name"; done
  tar -c -C $folder -f $folder.tar . && rm -rf $folder && echo $folder.tar`;

/** The Docker engine of one machine of a lab: started by the lab, with nothing of the machine's own settings. */
export class LabEngine implements AsyncDisposable {
  readonly #machine: LabMachine;
  #daemon: Running | undefined;

  constructor(machine: LabMachine) {
    this.#machine = machine;
  }

  get isRunning(): boolean {
    return this.#daemon?.isOver === false;
  }

  /** Whether its machine has the programs. */
  async isThere(): Promise<boolean> {
    return (await this.#machine.exec(['sh', '-c', 'command -v dockerd'], { allowFail: true })).code === 0;
  }

  /** Starts it, unless it runs; resolves when it answers and has its image. */
  async start(): Promise<void> {
    if (this.isRunning) return;
    this.#daemon = await this.#machine.start(dockerdCommand(this.#machine.ground.cgroup));
    await this.#daemon.waitFor(/API listen on/, LIMIT);
    if ((await this.docker('image', 'ls', '-q', IMAGE)) !== '') return;
    const { stdout } = await this.#machine.exec(['sh', '-ec', MAKE_IMAGE]);
    await this.docker('import', stdout.trim(), IMAGE);
    await this.#machine.exec(['rm', stdout.trim()]);
  }

  /** Ends it at once. Its containers stay, until it starts again. */
  async kill(): Promise<void> {
    if (!this.isRunning) return;
    await this.#daemon?.kill();
    // The next one would take a containerd that is just dying for a good one, and wait 10 s for it.
    await until('containerd has ended too', async () => (await this.#machine.exec(['sh', '-c', '! kill -0 "$(cat /run/docker/containerd/containerd.pid)"'], { allowFail: true })).code === 0);
  }

  /** `docker WORDS`; gives what it prints. @throws Error with its words */
  async docker(...words: readonly string[]): Promise<string> {
    const environment = Object.entries(CLIENT_ENVIRONMENT).map(([name, value]) => `${name}=${value}`);
    return (await this.#machine.exec(['env', ...environment, ...dockerCommand(words)], { timeout: LIMIT })).stdout.trim();
  }

  /** Runs a container that waits, and ends at once: its process does not hear SIGTERM. @param words options of `docker run` */
  async run(network: string, name: string, ...words: readonly string[]): Promise<Attached> {
    await this.docker('run', '-d', '--name', name, '--network', network, '--stop-signal', 'SIGKILL', ...words, IMAGE, 'sleep', '100000');
    return this.attached(network, name);
  }

  /** What a running container has in a network: that changes when it is started again. */
  async attached(network: string, name: string): Promise<Attached> {
    const at = `(index .NetworkSettings.Networks "${network}")`;
    const format = `{{.State.Running}} {{.State.Pid}} {{${at}.MacAddress}} {{${at}.IPAddress}}`;
    const [running, pid = '', mac = '', ipv4 = ''] = (await this.docker('inspect', '-f', format, name)).split(' ');
    if (running !== 'true' || ipv4 === '') throw new Error(`container ${name} does not run on ${this.#machine.name}`);
    return { machine: this.#machine, name, space: `/proc/${pid}/ns/net`, ipv4, ipv6: '', mac };
  }

  /** Containers and networks go. */
  async clean(): Promise<void> {
    if (!this.isRunning) return;
    const containers = lines(await this.docker('ps', '-aq'));
    if (containers.length > 0) await this.docker('rm', '-f', '-v', ...containers);
    const networks = lines(await this.docker('network', 'ls', '-q', '--filter', 'type=custom'));
    if (networks.length > 0) await this.docker('network', 'rm', ...networks);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clean();
    await this.kill();
  }
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
