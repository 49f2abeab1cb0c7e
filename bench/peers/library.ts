import { openHost, type OpenHost } from '../../src/controller/open-host.ts';
import { NETWORK } from '../inside/addresses.ts';
import type { Endpoint, Peer } from './peer.ts';

/** The same controller in process: what the daemon's socket adds is the difference. */
export class LibraryPeer implements Peer {
  readonly #host: OpenHost;

  private constructor(host: OpenHost) {
    this.#host = host;
  }

  static async open(): Promise<LibraryPeer> {
    const host = await openHost({ stateFolder: '/var/lib/netctl' });
    await host.controller.createNetwork({ name: 'bench', subnets: [NETWORK.subnet4] });
    return new LibraryPeer(host);
  }

  async attach({ name, namespace, hostPorts }: Endpoint): Promise<void> {
    const ports = hostPorts.map((hostPort) => ({ protocol: 'tcp', containerPort: 80, hostPort }) as const);
    await this.#host.controller.adoptSandbox({ name, namespace, networks: [{ network: 'bench' }], ports });
  }

  async detach({ name }: Endpoint): Promise<void> {
    await this.#host.controller.removeSandbox(name);
  }

  async populate(endpoints: readonly Endpoint[]): Promise<void> {
    for (const endpoint of endpoints) await this.attach(endpoint);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#host[Symbol.asyncDispose]();
  }
}
