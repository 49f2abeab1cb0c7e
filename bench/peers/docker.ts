import { adoptSandbox } from '../../src/api/calls.ts';
import { ApiClient } from '../../src/api/client.ts';
import { DEFAULT_RUN_FOLDER, socketPath } from '../../src/api/socket-path.ts';
import { address4, NETWORK } from '../inside/addresses.ts';
import { copyRules, newRules, savedRules } from '../inside/copied-rules.ts';
import { askEngine } from '../inside/engine-api.ts';
import { makeGhosts } from '../inside/ghosts.ts';
import type { Endpoint, Peer } from './peer.ts';

/** Drivers of which the engine is asked to make the network. */
export type EngineDriver = 'bridge' | 'tsbridge';

/** `docker network connect` and `disconnect` of running containers, asked of the engine as its client asks. */
export class DockerPeer implements Peer {
  readonly #driver: EngineDriver;
  readonly #network: string;
  readonly #ready = new Set<string>();

  private constructor(driver: EngineDriver, network: string) {
    this.#driver = driver;
    this.#network = network;
  }

  static async open(driver: EngineDriver): Promise<DockerPeer> {
    const { Id } = (await askEngine('POST', '/networks/create', {
      Name: 'bench',
      CheckDuplicate: true,
      Driver: driver,
      // so that netctl may put endpoints beside those of the engine
      IPAM: { Driver: driver === 'tsbridge' ? 'tsipam' : 'default', Config: [{ Subnet: NETWORK.subnet4 }] },
      Options: driver === 'bridge' ? { 'com.docker.network.bridge.name': 'benchbr0' } : {},
    })) as { readonly Id: string };
    return new DockerPeer(driver, Id);
  }

  async prepare({ name, hostPorts }: Endpoint): Promise<void> {
    if (this.#ready.has(name)) return;
    this.#ready.add(name);
    await askEngine('POST', `/containers/create?name=${name}`, {
      Image: 'bb',
      Cmd: ['httpd', '-f', '-p', '80', '-h', '/www'],
      ExposedPorts: { '80/tcp': {} },
      HostConfig: { NetworkMode: 'none', PortBindings: { '80/tcp': hostPorts.map((port) => ({ HostPort: String(port) })) } },
    });
    await askEngine('POST', `/containers/${name}/start`);
    await askEngine('POST', '/networks/none/disconnect', { Container: name });
  }

  async attach({ name }: Endpoint): Promise<void> {
    await askEngine('POST', `/networks/${this.#network}/connect`, { Container: name });
  }

  async detach({ name }: Endpoint): Promise<void> {
    await askEngine('POST', `/networks/${this.#network}/disconnect`, { Container: name });
  }

  async populate(endpoints: readonly Endpoint[]): Promise<void> {
    if (this.#driver === 'tsbridge') {
      const client = new ApiClient(socketPath(DEFAULT_RUN_FOLDER));
      for (const { name, namespace, hostPorts } of endpoints) {
        await client.send(adoptSandbox({ name, namespace, networks: [{ network: this.#network }], ports: hostPorts.map((port) => `${String(port)}:80`) }));
      }
      return;
    }
    const [first, ...others] = endpoints;
    if (first === undefined) return;
    const before = await savedRules('iptables');
    await this.prepare(first);
    await this.attach(first);
    const details = (await askEngine('GET', `/containers/${first.name}/json`)) as { readonly NetworkSettings: { readonly Networks: { readonly bench: { readonly IPAddress: string } } } };
    const words = (endpoint: Endpoint): Record<string, string> => ({
      [String(first.hostPorts[0])]: String(endpoint.hostPorts[0]),
      [details.NetworkSettings.Networks.bench.IPAddress]: address4(endpoint.number),
    });
    await copyRules('iptables', newRules(before, await savedRules('iptables')), others.map(words));
    await makeGhosts(others, { bridge: 'benchbr0', families: 4, chatty: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
