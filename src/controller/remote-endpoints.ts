import type { Reach } from '../../drivers/driver.ts';
import type { NamedEndpoint } from '../dns/names.ts';

/** An endpoint on another host, as names lead to it. */
export interface RemoteEndpointName {
  readonly networkId: string;
  readonly named: NamedEndpoint;
}

/** What changed of a network's endpoints on other hosts. */
export interface RemoteChange {
  /** Ids. */
  readonly gone: readonly string[];
  /** Those that came or changed. */
  readonly come: readonly NamedEndpoint[];
}

/** What networks that span hosts have on the other hosts. */
export class RemoteEndpoints {
  readonly #touched: Set<string>;
  readonly #reaches = new Map<string, Reach>();
  readonly #byNetwork = new Map<string, Map<string, NamedEndpoint>>();
  readonly #byId = new Map<string, RemoteEndpointName>();

  /** @param touched gets the ids of endpoints that came, changed or went */
  constructor(touched: Set<string>) {
    this.#touched = touched;
  }

  /** What is known of a network's other hosts; undefined before something is. */
  reach(networkId: string): Reach | undefined {
    return this.#reaches.get(networkId);
  }

  /** An endpoint by its id. */
  find(id: string): RemoteEndpointName | undefined {
    return this.#byId.get(id);
  }

  /** The endpoints of a network. */
  ofNetwork(networkId: string): NamedEndpoint[] {
    return [...(this.#byNetwork.get(networkId)?.values() ?? [])];
  }

  /** What a network has there, from now on. @param change of what was said of it before */
  set(networkId: string, reach: Reach, { gone, come }: RemoteChange = { gone: [], come: [] }): void {
    this.#reaches.set(networkId, reach);
    const members = this.#byNetwork.get(networkId) ?? new Map<string, NamedEndpoint>();
    for (const id of gone) if (members.delete(id)) this.#drop(id);
    for (const named of come) {
      if (JSON.stringify(members.get(named.id)) !== JSON.stringify(named)) this.#touched.add(named.id);
      members.set(named.id, named);
      this.#byId.set(named.id, { networkId, named });
    }
    this.#byNetwork.set(networkId, members);
  }

  /** The network is gone. */
  delete(networkId: string): void {
    for (const { id } of this.ofNetwork(networkId)) this.#drop(id);
    this.#byNetwork.delete(networkId);
    this.#reaches.delete(networkId);
  }

  #drop(id: string): void {
    this.#byId.delete(id);
    this.#touched.add(id);
  }
}
