import { NetworkError } from '../common/error.ts';
import type { DnsServer } from '../dns/dns-server.ts';
import type { Ledger, LiveNetwork } from './ledger.ts';
import { isGone } from './served-sandboxes.ts';

/** Networks at whose gateway addresses names are served. */
export class GatewayNames {
  readonly #ledger: Ledger;
  /** Addresses by network. */
  readonly #served = new Map<string, readonly string[]>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Whether any network wants it. */
  get areWanted(): boolean {
    return [...this.#ledger.networks.values()].some(({ driver }) => driver.naming().servedAt.length > 0);
  }

  /** Takes over what another one serves, without looking. */
  assume(other: GatewayNames): void {
    for (const [id, addresses] of other.#served) this.#served.set(id, addresses);
  }

  /**
   * Opens and closes what networks want now and did not before. One that cannot be served is left out.
   * @param refused hears why
   * @throws {NetworkError} INTERNAL, UNAVAILABLE when the server itself is gone
   */
  async follow(server: DnsServer, networks: Iterable<string>, refused: (network: LiveNetwork, error: NetworkError) => void): Promise<void> {
    for (const id of networks) {
      const network = this.#ledger.networks.get(id);
      const wanted = network?.driver.naming().servedAt ?? [];
      const served = this.#served.get(id) ?? [];
      if (wanted.join(' ') === served.join(' ')) continue;
      if (served.length > 0) await server.unlistenOnGateway(id);
      this.#served.delete(id);
      if (network !== undefined && wanted.length > 0) await this.#open(server, network, wanted, refused);
    }
  }

  /** The server is gone, and its sockets with it. */
  clear(): void {
    this.#served.clear();
  }

  async #open(server: DnsServer, network: LiveNetwork, addresses: readonly string[], refused: (network: LiveNetwork, error: NetworkError) => void): Promise<void> {
    const { id } = network.record;
    try {
      for (const address of addresses) await server.listenOnGateway(id, address);
      this.#served.set(id, addresses);
    } catch (thrown) {
      const error = NetworkError.from(thrown);
      if (isGone(error)) throw error;
      await server.unlistenOnGateway(id);
      refused(network, error);
    }
  }
}
