import assert from 'node:assert/strict';
import type { Background } from './background.ts';
import { eventually } from './eventually.ts';
import { PrivateHost } from './host.ts';
import { difference, type MachineState } from './machine-state.ts';
import { Netctl } from './netctl.ts';
import { SamplePlugin } from './sample-plugin.ts';

const MARKS = ['links', 'namespaces', 'routes', 'rules', 'mounts', 'sysctls', 'nftables'];

/** Options of a daemon that has Docker plugins: it is none itself, and has little patience. */
export const PLUGIN_DAEMON: readonly string[] = ['--docker-plugins', 'none', '--plugin-timeout', '2'];

/** The same with the patience of a saint, for what has to happen while it waits. */
const PATIENT_DAEMON: readonly string[] = [...PLUGIN_DAEMON.slice(0, -1), '60'];

/** What {@link SamplePlugin.holds} says when all is gone. */
export const HOLDS_NOTHING = { networks: 0, endpoints: 0, addresses: [] } as const;

/** A private host with a daemon of ours and a Docker plugin of somebody else's. */
export class PluginLab implements AsyncDisposable {
  readonly host: PrivateHost;
  readonly netctl: Netctl;
  daemon: Background;
  plugin: SamplePlugin;
  readonly #clean: MachineState;

  private constructor(host: PrivateHost, netctl: Netctl, daemon: Background, plugin: SamplePlugin, clean: MachineState) {
    this.host = host;
    this.netctl = netctl;
    this.daemon = daemon;
    this.plugin = plugin;
    this.#clean = clean;
  }

  static async open(): Promise<PluginLab> {
    const host = await PrivateHost.start();
    await host.sh('sysctl -qw net.ipv4.ip_forward=1');
    const netctl = new Netctl(host);
    const daemon = await netctl.daemon(PLUGIN_DAEMON);
    const plugin = await SamplePlugin.start(host);
    return new PluginLab(host, netctl, daemon, plugin, await host.snapshot());
  }

  /** Ends the daemon and starts another. @param patience 'much': it waits a minute for its plugins */
  async restart(signal: 'SIGTERM' | 'SIGKILL', patience: 'much' | 'little' = 'little'): Promise<void> {
    await this.daemon.kill(signal);
    this.daemon = await this.netctl.daemon(patience === 'much' ? PATIENT_DAEMON : PLUGIN_DAEMON);
  }

  /** What doctor says; it ends with 1 where it has found something. */
  async doctor(...words: readonly string[]): Promise<string> {
    return (await this.netctl.run(['doctor', ...words])).stdout;
  }

  async pings(from: string, address: string): Promise<void> {
    assert.match(await this.host.sh(`ip netns exec ${from} ping -c 1 -W 1 ${address}`), / 0% packet loss/, `${from} to ${address}`);
  }

  /** Removes all that a test has made, and sees that neither the host nor the plugin keeps anything of it. */
  async clear(): Promise<void> {
    for (const { name } of await this.netctl.json<{ name: string }[]>('sandbox', 'ls')) await this.netctl.run(['sandbox', 'rm', name]);
    await this.netctl.run(['network', 'prune']);
    assert.deepEqual(await eventually(() => this.plugin.holds(), ({ networks, endpoints, addresses }) => networks + endpoints + addresses.length === 0), HOLDS_NOTHING);
    assert.deepEqual(difference(this.#clean, await this.host.snapshot(), MARKS), []);
    this.plugin.forget();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host[Symbol.asyncDispose]();
  }
}
