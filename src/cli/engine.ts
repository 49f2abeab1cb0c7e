import { NetworkError } from '../common/error.ts';
import type { PortPair } from './port-text.ts';

// As an import it would also load fetch, which takes as long as the rest of a command.
const http = process.getBuiltinModule('node:http');

/** A container, as far as networks go. */
export interface Container {
  readonly id: string;
  readonly name: string;
  /** First process, 0 when it does not run. Known of one that was asked for alone. */
  readonly pid: number;
  /** Ids of its endpoints, and the names of their networks. */
  readonly endpointIds: readonly string[];
  readonly networks: Readonly<Record<string, string>>;
  /** Ports that the engine itself publishes. */
  readonly published: readonly PortPair[];
}

interface Address {
  readonly socketPath?: string;
  readonly host?: string;
  readonly port?: number;
}

/** As much of the engine's answers as is read; it may leave out any of it. */
interface EngineNetworks {
  readonly Networks?: Readonly<Record<string, { readonly EndpointID?: string } | null>> | null;
}
interface EngineContainer {
  readonly Id?: string;
  readonly Name?: string;
  readonly Names?: readonly string[];
  readonly State?: { readonly Pid?: number } | string | null;
  readonly NetworkSettings?: (EngineNetworks & { readonly Ports?: Readonly<Record<string, readonly { readonly HostIp?: string; readonly HostPort?: string }[] | null>> | null }) | null;
}

/** Asks a Docker engine what its containers are called. Only ever reads. */
export class Engine {
  readonly #address: Address;

  private constructor(address: Address) {
    this.#address = address;
  }

  /** The engine that `docker` would talk to: DOCKER_HOST, else /var/run/docker.sock. @throws {NetworkError} UNSUPPORTED for an address that needs TLS or ssh */
  static fromEnvironment(environment: NodeJS.ProcessEnv = process.env): Engine {
    const text = environment['DOCKER_HOST'] || 'unix:///var/run/docker.sock';
    const url = URL.parse(text);
    if (url?.protocol === 'unix:') return new Engine({ socketPath: decodeURIComponent(url.pathname) });
    if (url?.protocol === 'tcp:' || url?.protocol === 'http:') return new Engine({ host: url.hostname, port: Number(url.port || '2375') });
    throw new NetworkError('UNSUPPORTED', `DOCKER_HOST=${text}: only unix:// and tcp:// without TLS can be asked for container names`);
  }

  /** A container by name or id; undefined when the engine does not know it, or there is no engine. */
  async container(name: string): Promise<Container | undefined> {
    const found = (await this.#get(`/containers/${encodeURIComponent(name)}/json`)) as EngineContainer | undefined;
    return found === undefined ? undefined : toContainer(found);
  }

  /** The running containers; none where there is no engine. */
  async containers(): Promise<Container[]> {
    const found = (await this.#get('/containers/json')) as readonly EngineContainer[] | undefined;
    return (found ?? []).map(toContainer);
  }

  #get(path: string): Promise<unknown> {
    return new Promise((resolve) => {
      const request = http.get({ ...this.#address, path, headers: { Host: 'docker' }, timeout: 5000 }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', () => resolve(undefined));
        response.once('end', () => resolve(response.statusCode === 200 ? parse(Buffer.concat(chunks)) : undefined));
      });
      request.once('timeout', () => request.destroy()).once('error', () => resolve(undefined));
    });
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

function toContainer({ Id = '', Name, Names, State, NetworkSettings }: EngineContainer): Container {
  const endpoints = Object.entries(NetworkSettings?.Networks ?? {}).flatMap(([network, value]): [string, string][] => (value?.EndpointID ? [[value.EndpointID, network]] : []));
  const published = Object.entries(NetworkSettings?.Ports ?? {}).flatMap(([container, hosts]) =>
    (hosts ?? []).map(({ HostIp = '', HostPort = '' }): PortPair => ({ container, host: `${HostIp.includes(':') ? `[${HostIp}]` : HostIp}:${HostPort}` })),
  );
  return {
    id: Id,
    name: (Name ?? Names?.[0] ?? Id.slice(0, 12)).replace(/^\//, ''),
    pid: typeof State === 'object' ? (State?.Pid ?? 0) : 0,
    endpointIds: endpoints.map(([id]) => id),
    networks: Object.fromEntries(endpoints),
    published,
  };
}
