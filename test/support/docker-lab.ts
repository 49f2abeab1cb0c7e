import assert from 'node:assert/strict';
import type { Background } from './background.ts';
import { Engine, type EngineOptions } from './engine.ts';
import { PrivateHost } from './host.ts';
import { difference, type MachineState } from './machine-state.ts';
import { Netctl } from './netctl.ts';
import type { Place } from './place.ts';

/** What must be as it was when containers and networks are gone. */
const MARKS = ['links', 'namespaces', 'nftables', 'routes', 'rules', 'sockets', 'mounts', 'files', 'iptables-legacy', 'ip6tables-legacy'];

/** A private host with netctl's daemon and a Docker engine that finds its drivers there. */
export class DockerLab implements AsyncDisposable {
  host: PrivateHost;
  engine: Engine;
  daemon: Background;
  netctl: Netctl;
  #clean: MachineState = new Map();

  private constructor(host: PrivateHost, netctl: Netctl, daemon: Background, engine: Engine) {
    this.host = host;
    this.netctl = netctl;
    this.daemon = daemon;
    this.engine = engine;
  }

  /** Power cut: every process, link and rule is gone; then the daemon starts, and the engine after it. */
  async reboot(options: EngineOptions = {}): Promise<void> {
    this.host = await this.host.reboot();
    this.netctl = new Netctl(this.host);
    this.daemon = await this.netctl.daemon();
    this.engine = await Engine.start(this.host, options);
  }

  /** @param daemonWords options of `netctl daemon` */
  static async start(options: EngineOptions = {}, daemonWords: readonly string[] = []): Promise<DockerLab> {
    await using cleanup = new AsyncDisposableStack();
    const host = cleanup.use(await PrivateHost.start());
    const netctl = new Netctl(host);
    const daemon = await netctl.daemon(daemonWords);
    const lab = new DockerLab(host, netctl, daemon, await Engine.start(host, options));
    lab.#clean = await host.snapshot();
    cleanup.move();
    return lab;
  }

  /** `docker WORDS`; gives what it prints. */
  docker(...words: readonly string[]): Promise<string> {
    return this.engine.ask(...words);
  }

  /** `docker WORDS` that must fail; gives the words of the error without the client's preamble. */
  async refusal(...words: readonly string[]): Promise<string> {
    const { code, stderr } = await this.engine.docker(words, { allowFail: true });
    assert.notEqual(code, 0, `docker ${words.join(' ')} was to fail`);
    return stderr.trim().replace(/^(?:docker: )?Error response from daemon: /, '').split('\n')[0] ?? '';
  }

  /** Runs a container that waits, and gives its network namespace. */
  async run(name: string, network: string, ...words: readonly string[]): Promise<Place> {
    await this.docker('run', '-d', '--name', name, '--network', network, ...words, 'bb', 'sleep', '100000');
    return this.engine.container(name);
  }

  /** What `ip` says inside a container of addresses that are not its loopback's: `eth0 10.0.0.2/24`. */
  async addresses(place: Place): Promise<string[]> {
    const text = await place.sh('ip -o address show scope global');
    return text.split('\n').flatMap((line) => {
      const [, link = '', , address = ''] = line.split(/\s+/);
      return link === '' ? [] : [`${link} ${address}`];
    });
  }

  /** Everything of `docker inspect -f` as JSON. */
  async inspect<T>(name: string, format = '{{json .}}'): Promise<T> {
    return JSON.parse(await this.docker('inspect', '-f', format, name)) as T;
  }

  /** Containers and networks go. */
  async clear(): Promise<void> {
    const containers = (await this.docker('ps', '-aq')).split('\n').filter((line) => line !== '');
    if (containers.length > 0) await this.docker('rm', '-f', '-v', ...containers);
    const networks = (await this.docker('network', 'ls', '-q', '--filter', 'type=custom')).split('\n').filter((line) => line !== '');
    if (networks.length > 0) await this.docker('network', 'rm', ...networks);
  }

  /** What is there now counts as clean. */
  async settle(): Promise<void> {
    this.#clean = await this.host.snapshot();
  }

  /** What is in the host besides what counts as clean, a line each. */
  async left(): Promise<string[]> {
    // The engine gives its own bridge another MAC address whenever it makes it.
    return difference(this.#clean, await this.host.snapshot(), MARKS).filter((line) => !line.includes(' docker0: '));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host[Symbol.asyncDispose]();
  }
}
