import type { DirectoryChange, NamedEndpoint } from '../dns/names.ts';
import type { RemoteEndpointName } from './remote-endpoints.ts';
import type { Ledger, Touched } from './ledger.ts';
import { containerAsker, namedEndpoint, namedNetwork, sandboxAsker } from './naming.ts';
import { linksOf, parseLink } from './sandbox-links.ts';

/** What a name server has to be told, and whom it concerns. */
export interface News {
  readonly changes: readonly DirectoryChange[];
  /** Ids of the sandboxes that see something else now, or are gone. */
  readonly sandboxes: ReadonlySet<string>;
}

interface ToldEndpoint {
  readonly network: string;
  readonly named: NamedEndpoint;
  readonly text: string;
}

/** What a name server was told, so that it is told only what is new. */
export class ToldNames {
  readonly #networks = new Map<string, string>();
  readonly #endpoints = new Map<string, ToldEndpoint>();
  readonly #askers = new Map<string, string>();
  /** Ids of sandboxes by what their links call the other end. */
  readonly #linking = new Map<string, Set<string>>();
  /** The links of a sandbox as they are in there. */
  readonly #links = new Map<string, readonly string[]>();

  /** What follows from changes in the ledger; from now on it counts as told. */
  take(ledger: Ledger, touched: Touched): News {
    const changes: DirectoryChange[] = [];
    const sandboxes = new Set(touched.sandboxes);
    for (const id of touched.networks) changes.push(...this.#network(ledger, id));
    const ofSandboxes = [...touched.sandboxes].flatMap((id) => ledger.endpointsOfSandbox(id));
    for (const id of new Set([...touched.endpoints, ...ofSandboxes.map((endpoint) => endpoint.id)])) {
      const before = this.#endpoints.get(id)?.named;
      changes.push(...this.#endpoint(ledger, id), ...this.#container(ledger, id));
      for (const named of [before, this.#endpoints.get(id)?.named]) if (named !== undefined) this.#concerned(named, sandboxes);
    }
    for (const id of sandboxes) changes.push(...this.#sandbox(ledger, id));
    return { changes, sandboxes };
  }

  #network(ledger: Ledger, id: string): DirectoryChange[] {
    const live = ledger.networks.get(id);
    if (live === undefined) {
      for (const [endpoint, { network }] of this.#endpoints) if (network === id) this.#endpoints.delete(endpoint);
      return this.#networks.delete(id) ? [{ change: 'remove-network', id }] : [];
    }
    const network = namedNetwork(ledger, live);
    const { endpoints, ...rest } = network;
    if (!isNews(this.#networks, id, JSON.stringify(rest))) return [];
    for (const named of endpoints) this.#endpoints.set(named.id, { network: id, named, text: JSON.stringify(named) });
    return [{ change: 'set-network', network }];
  }

  #endpoint(ledger: Ledger, id: string): DirectoryChange[] {
    const told = this.#endpoints.get(id);
    const { networkId = '', named } = namedOf(ledger, id);
    if (named === undefined) {
      this.#endpoints.delete(id);
      return told === undefined ? [] : [{ change: 'remove-endpoint', network: told.network, endpoint: id }];
    }
    const text = JSON.stringify(named);
    if (told?.text === text) return [];
    this.#endpoints.set(id, { network: networkId, named, text });
    return [{ change: 'set-endpoint', network: networkId, endpoint: named }];
  }

  #container(ledger: Ledger, id: string): DirectoryChange[] {
    const endpoint = ledger.endpoints.get(id);
    const asker = endpoint === undefined ? undefined : containerAsker(ledger, endpoint);
    if (asker === undefined) return this.#askers.delete(id) ? [{ change: 'remove-asker', id }] : [];
    return isNews(this.#askers, id, JSON.stringify(asker)) ? [{ change: 'set-asker', asker }] : [];
  }

  #sandbox(ledger: Ledger, id: string): DirectoryChange[] {
    const sandbox = ledger.sandboxes.get(id);
    this.#follow(id, sandbox === undefined ? [] : linksOf(ledger, sandbox));
    if (sandbox === undefined) return this.#askers.delete(id) ? [{ change: 'remove-asker', id }] : [];
    const asker = sandboxAsker(ledger, sandbox);
    return isNews(this.#askers, id, JSON.stringify(asker)) ? [{ change: 'set-asker', asker }] : [];
  }

  /** Adds its own sandbox, and those that link to it. */
  #concerned({ asker, names, id }: NamedEndpoint, sandboxes: Set<string>): void {
    if (asker !== undefined && asker !== id) sandboxes.add(asker);
    for (const name of [...names, asker ?? id]) for (const linking of this.#linking.get(name) ?? []) sandboxes.add(linking);
  }

  #follow(id: string, links: readonly string[]): void {
    for (const link of this.#links.get(id) ?? []) this.#unlink(parseLink(link).target, id);
    if (links.length === 0) this.#links.delete(id);
    else this.#links.set(id, links);
    for (const link of links) {
      const { target } = parseLink(link);
      this.#linking.set(target, (this.#linking.get(target) ?? new Set()).add(id));
    }
  }

  #unlink(target: string, id: string): void {
    const linking = this.#linking.get(target);
    linking?.delete(id);
    if (linking?.size === 0) this.#linking.delete(target);
  }
}

/** Here, or on another host. */
function namedOf(ledger: Ledger, id: string): Partial<RemoteEndpointName> {
  const endpoint = ledger.endpoints.get(id);
  if (endpoint !== undefined) return { networkId: endpoint.networkId, named: namedEndpoint(ledger, endpoint) };
  return ledger.remotes.find(id) ?? {};
}

/** Notes a text; whether it is another one than before. */
function isNews(told: Map<string, string>, id: string, text: string): boolean {
  if (told.get(id) === text) return false;
  told.set(id, text);
  return true;
}
