import type { Reach } from '../../drivers/driver.ts';
import type { Directory } from '../cluster/directory.ts';
import type { HostRecord, SharedEndpoint } from '../cluster/records.ts';
import type { NamedEndpoint } from '../dns/names.ts';
import type { Ends } from './cluster-tunnel.ts';
import { NetworkReach, type Member } from './network-reach.ts';
import type { RemoteChange } from './remote-endpoints.ts';
import { plainAddresses } from './services.ts';

/** The endpoints of a network on other hosts. */
export interface Elsewhere {
  readonly reach: Reach;
  readonly named: RemoteChange;
}

/** What the networks of the cluster have on other hosts, as far as they are here. */
export class ClusterReach {
  readonly #directory: Directory;
  readonly #hosts: ReadonlyMap<string, HostRecord>;
  readonly #networks = new Map<string, NetworkReach>();

  /** @param hosts those that count, by their ids */
  constructor(directory: Directory, hosts: ReadonlyMap<string, HostRecord>) {
    this.#directory = directory;
    this.#hosts = hosts;
  }

  /**
   * Looks at endpoints of a network again; at all of them the first time.
   * @param ids those that may have changed
   * @param self id of this host
   * @param ends how hosts reach each other in it
   * @param fits whether it can have an endpoint
   */
  follow(networkId: string, ids: Iterable<string>, self: string, { local, tunnel, of }: Ends, fits: (endpoint: SharedEndpoint) => boolean): Elsewhere {
    const there = this.#directory.endpoints.get(networkId);
    const known = this.#networks.get(networkId);
    const network = known ?? new NetworkReach();
    this.#networks.set(networkId, network);
    const find = (id: string): Member | undefined => {
      const found = there?.get(id);
      const record = found === undefined || found.record.hostId === self || !fits(found.record) ? undefined : this.#hosts.get(found.record.hostId);
      const host = record === undefined ? undefined : of(record);
      return found === undefined || host === undefined ? undefined : { ...found, host };
    };
    const news = network.follow(known === undefined ? (there?.keys() ?? []) : ids, find);
    const come = news.flatMap((id) => find(id)?.record ?? []);
    return { reach: { local, ...(tunnel === undefined ? {} : { tunnel }), others: network.others }, named: { gone: news.filter((id) => find(id) === undefined), come: come.map(namedEndpoint) } };
  }

  /** A network is here no more. */
  drop(networkId: string): void {
    this.#networks.delete(networkId);
  }
}

function namedEndpoint(record: SharedEndpoint): NamedEndpoint {
  const services = record.services.map((service) => {
    const [port = '', protocol] = service.split('/');
    return { port: Number(port), protocol: protocol as 'tcp' | 'udp' | 'sctp' };
  });
  return { id: record.id, asker: undefined, names: record.names, addresses: plainAddresses(record), services };
}
