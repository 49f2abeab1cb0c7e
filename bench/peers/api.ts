import { adoptSandbox, createNetwork, removeSandbox } from '../../src/api/calls.ts';
import { ApiClient } from '../../src/api/client.ts';
import { socketPath, DEFAULT_RUN_FOLDER } from '../../src/api/socket-path.ts';
import { NETWORK } from '../inside/addresses.ts';
import type { Endpoint, Peer } from './peer.ts';

/** Our daemon, asked over its socket as netctl asks it: everything from the request to the answer. */
export class ApiPeer implements Peer {
  readonly #client = new ApiClient(socketPath(DEFAULT_RUN_FOLDER));

  static async open(families: 4 | 46): Promise<ApiPeer> {
    const peer = new ApiPeer();
    await peer.#client.send(createNetwork({ name: 'bench', subnets: [NETWORK.subnet4, ...(families === 46 ? [NETWORK.subnet6] : [])] }));
    return peer;
  }

  async attach({ name, namespace, hostPorts }: Endpoint): Promise<void> {
    await this.#client.send(adoptSandbox({ name, namespace, networks: [{ network: 'bench' }], ports: hostPorts.map((port) => `${String(port)}:80`) }));
  }

  async detach({ name }: Endpoint): Promise<void> {
    await this.#client.send(removeSandbox(name));
  }

  async populate(endpoints: readonly Endpoint[]): Promise<void> {
    for (const endpoint of endpoints) await this.attach(endpoint);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
