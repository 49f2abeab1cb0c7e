import { request } from 'node:http';
import { z } from 'zod';
import { withoutLength } from '../../src/common/address.ts';
import { NetworkError } from '../../src/common/error.ts';

/** Longest wait for one answer of the engine, ms. */
const PATIENCE = 10_000;
/** Largest answer that is read, bytes. */
const LARGEST = 64 << 20;

const info = z.object({ ID: z.string().min(1) });
const ipam = z.object({ Driver: z.string().nullish(), Config: z.array(z.object({ Subnet: z.string().nullish() })).nullish() });
const listed = z.object({ Id: z.string(), Name: z.string(), Driver: z.string(), IPAM: ipam.nullish() });
const listedContainer = z.object({ Name: z.string().nullish(), EndpointID: z.string(), IPv4Address: z.string().nullish(), IPv6Address: z.string().nullish() });
const auxiliary = z.object({ IPAM: z.object({ Config: z.array(z.object({ Gateway: z.string().nullish(), AuxiliaryAddresses: z.record(z.string(), z.string()).nullish() })).nullish() }).nullish() });
const inspected = z.object({ Containers: z.record(z.string(), listedContainer).nullish() }).and(auxiliary);
const membership = z.object({ EndpointID: z.string().nullish(), Aliases: z.array(z.string()).nullish() });
const member = z.object({
  Name: z.string(),
  Config: z.object({ Hostname: z.string().nullish(), ExposedPorts: z.record(z.string(), z.unknown()).nullish() }),
  NetworkSettings: z.object({ Networks: z.record(z.string(), membership).nullish() }),
});

/** One network as the engine lists it. */
export interface ListedNetwork {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly ipamDriver: string;
  /** CIDRs */
  readonly subnets: readonly string[];
}

/** A container in a network. */
export interface ListedContainer {
  readonly id: string;
  readonly name: string;
  readonly endpointId: string;
}

/** One container as the engine inspects it. */
export interface InspectedContainer {
  readonly name: string;
  readonly hostname: string;
  /** `PORT/PROTOCOL` each. */
  readonly exposed: readonly string[];
  /** By endpoint id. */
  readonly aliases: ReadonlyMap<string, readonly string[]>;
}

/** One network as the engine inspects it. */
export interface InspectedNetwork {
  readonly containers: readonly ListedContainer[];
  /** Plain addresses of its endpoints, gateways and auxiliary addresses. */
  readonly addresses: readonly string[];
}

/** Reads, and only reads, what an engine says about its networks and containers. */
export interface EngineClient {
  /** The engine's own id. @throws {NetworkError} UNAVAILABLE */
  id(): Promise<string>;
  /** All networks. @throws {NetworkError} UNAVAILABLE when the list is not complete */
  networks(): Promise<readonly ListedNetwork[]>;
  /** @throws {NetworkError} NOT_FOUND when it went meanwhile, UNAVAILABLE */
  network(id: string): Promise<InspectedNetwork>;
  /** @throws {NetworkError} NOT_FOUND when it went meanwhile, UNAVAILABLE */
  container(id: string): Promise<InspectedContainer>;
}

/**
 * The engine behind a unix socket (`/var/run/docker.sock`).
 * @param signal ends what is being asked
 */
export function engineClient(socket: string, signal: AbortSignal): EngineClient {
  const get = async <T>(path: string, schema: z.ZodType<T>): Promise<T> => {
    const { status, body } = await read(socket, path, AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]));
    if (status === 404) throw new NetworkError('NOT_FOUND', `the engine at ${socket} has no ${path}`);
    if (status !== 200) throw new NetworkError('UNAVAILABLE', `the engine at ${socket} answers ${path} with status ${status}`);
    try {
      return schema.parse(JSON.parse(body));
    } catch (error) {
      throw new NetworkError('UNAVAILABLE', `the engine at ${socket} answers ${path} with something that is no Docker API`, { cause: error });
    }
  };
  return {
    async id() {
      return (await get('/info', info)).ID;
    },
    async networks() {
      const list = await get('/networks', z.array(listed));
      // Every engine has `none` and `host`.
      if (list.length === 0) throw new NetworkError('UNAVAILABLE', `the engine at ${socket} lists no network at all`);
      return list.map(({ Id, Name, Driver, IPAM }) => ({
        id: Id,
        name: Name,
        driver: Driver,
        ipamDriver: IPAM?.Driver ?? '',
        subnets: (IPAM?.Config ?? []).flatMap(({ Subnet }) => present(Subnet)),
      }));
    },
    async network(id) {
      const { Containers, IPAM } = await get(`/networks/${encodeURIComponent(id)}`, inspected);
      const containers = Object.entries(Containers ?? {}).map(([containerId, { Name, EndpointID }]) => ({ id: containerId, name: Name ?? '', endpointId: EndpointID }));
      const given = (IPAM?.Config ?? []).flatMap(({ Gateway, AuxiliaryAddresses }) => [...present(Gateway), ...Object.values(AuxiliaryAddresses ?? {})]);
      const cidrs = Object.values(Containers ?? {}).flatMap(({ IPv4Address, IPv6Address }) => [...present(IPv4Address), ...present(IPv6Address)]);
      return { containers, addresses: [...given, ...cidrs].map(withoutLength) };
    },
    async container(id) {
      const { Name, Config, NetworkSettings } = await get(`/containers/${encodeURIComponent(id)}/json`, member);
      const memberships = Object.values(NetworkSettings.Networks ?? {});
      return {
        name: Name.replace(/^\//, ''),
        hostname: Config.Hostname ?? '',
        exposed: Object.keys(Config.ExposedPorts ?? {}),
        aliases: new Map(memberships.flatMap(({ EndpointID, Aliases }) => present(EndpointID).map((endpoint) => [endpoint, Aliases ?? []] as const))),
      };
    },
  };
}

function present(text: string | null | undefined): string[] {
  return text === null || text === undefined || text === '' ? [] : [text];
}

function read(socketPath: string, path: string, signal: AbortSignal): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error): void => reject(new NetworkError('UNAVAILABLE', `the engine at ${socketPath} cannot be asked: ${error.message}`, { cause: error }));
    const call = request({ socketPath, path, headers: { host: 'docker' }, agent: false, signal }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > LARGEST) call.destroy(new Error('the answer is too large'));
        else chunks.push(chunk);
      });
      response.once('end', () => {
        // A connection that broke half way ends too.
        if (response.complete) resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') });
        else refuse(new Error('the answer was cut off'));
      });
      response.once('error', refuse);
    });
    call.once('error', refuse);
    call.end();
  });
}
