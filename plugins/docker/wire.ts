/**
 * Bodies of the engine's calls, as far as we read them: fields that we do not know pass, and null,
 * empty text and absence are the same. Field names are Go's.
 */
import { z } from 'zod';

/** Text, undefined where it is empty. */
const text = z.string().max(4096).nullish().transform((value) => (value === null || value === '' ? undefined : value));
/** Docker's random ids: 64 hex digits. They become keys, labels and names of links. */
const id = z.string().regex(/^[0-9a-f]{64}$/, 'must be an id of 64 hex digits');
/** An id that may be unknown anyway. */
const anyId = z.string().max(4096).nullish().transform((value) => value ?? '');
const options = z.record(z.string(), z.unknown()).nullish().transform((value) => value ?? {});
const port = z.int().min(0).max(65535).nullish().transform((value) => value ?? 0);

const addresses = z
  .array(z.object({ Pool: text, Gateway: text, AuxAddresses: z.record(z.string(), z.string()).nullish().transform((value) => value ?? {}) }))
  .nullish()
  .transform((value) => value ?? []);

/** Options of any call: texts, and objects of the engine's own. */
export type WireOptions = Readonly<Record<string, unknown>>;

/** What the engine's IPAM gives a network in one family. */
export interface IpamData {
  /** CIDR */
  readonly Pool: string | undefined;
  /** CIDR */
  readonly Gateway: string | undefined;
  /** Name to CIDR. */
  readonly AuxAddresses: Readonly<Record<string, string>>;
}

/** NetworkDriver.CreateNetwork */
export interface CreateNetworkBody {
  readonly NetworkID: string;
  readonly Options: WireOptions;
  readonly IPv4Data: readonly IpamData[];
  readonly IPv6Data: readonly IpamData[];
}

/** NetworkDriver.CreateEndpoint */
export interface CreateEndpointBody {
  readonly NetworkID: string;
  readonly EndpointID: string;
  readonly Interface?: EndpointInterface | null | undefined;
  readonly Options: WireOptions;
}

/** Addresses that an endpoint has already. */
export interface EndpointInterface {
  /** CIDR */
  readonly Address: string | undefined;
  /** CIDR */
  readonly AddressIPv6: string | undefined;
  readonly MacAddress: string | undefined;
}

/** NetworkDriver.Join */
export interface JoinBody {
  readonly NetworkID: string;
  readonly EndpointID: string;
  /** Path of the container's namespace. */
  readonly SandboxKey: string;
}

/** One element of option `com.docker.network.portmap`. */
export interface PortMapEntry {
  /** IP protocol number. */
  readonly Proto: number;
  readonly Port: number;
  readonly HostIP: string | undefined;
  /** 0: any. */
  readonly HostPort: number;
  readonly HostPortEnd: number;
}

/** IpamDriver.RequestPool */
export interface RequestPoolBody {
  readonly Pool: string | undefined;
  readonly SubPool: string | undefined;
  readonly Options: WireOptions;
  readonly V6?: boolean | null | undefined;
}

/** IpamDriver.RequestAddress, ReleaseAddress */
export interface AddressBody {
  readonly PoolID: string;
  readonly Address: string | undefined;
  readonly Options: WireOptions;
}

/** NetworkDriver.CreateNetwork */
export const createNetworkBody: z.ZodType<CreateNetworkBody> = z.object({ NetworkID: id, Options: options, IPv4Data: addresses, IPv6Data: addresses });

/** NetworkDriver.DeleteNetwork, FreeNetwork */
export const networkBody: z.ZodType<{ readonly NetworkID: string }> = z.object({ NetworkID: anyId });

/** NetworkDriver.GwAllocCheck, AllocateNetwork */
export const optionsBody: z.ZodType<{ readonly Options: WireOptions }> = z.object({ Options: options });

/** NetworkDriver.CreateEndpoint */
export const createEndpointBody: z.ZodType<CreateEndpointBody> = z.object({
  NetworkID: id,
  EndpointID: id,
  Interface: z.object({ Address: text, AddressIPv6: text, MacAddress: text }).nullish(),
  Options: options,
});

/** NetworkDriver.Leave, DeleteEndpoint, EndpointOperInfo, RevokeExternalConnectivity */
export const endpointBody: z.ZodType<{ readonly NetworkID: string; readonly EndpointID: string }> = z.object({ NetworkID: anyId, EndpointID: anyId });

/** NetworkDriver.Join */
export const joinBody: z.ZodType<JoinBody> = z.object({
  NetworkID: id,
  EndpointID: id,
  SandboxKey: z.string().max(4096).regex(/^\/[^\p{Cc}]*$/u, 'must be an absolute path'),
});

/** NetworkDriver.ProgramExternalConnectivity */
export const programBody: z.ZodType<{ readonly NetworkID: string; readonly EndpointID: string; readonly Options: WireOptions }> = z.object({
  NetworkID: id,
  EndpointID: id,
  Options: options,
});

/** Option `com.docker.network.portmap`. */
export const portMap: z.ZodType<readonly PortMapEntry[]> = z
  .array(z.object({ Proto: z.int(), Port: port, HostIP: text, HostPort: port, HostPortEnd: port }))
  .nullish()
  .transform((value) => value ?? []);

/** IpamDriver.RequestPool */
export const requestPoolBody: z.ZodType<RequestPoolBody> = z.object({ Pool: text, SubPool: text, Options: options, V6: z.boolean().nullish() });

/** IpamDriver.ReleasePool */
export const releasePoolBody: z.ZodType<{ readonly PoolID: string }> = z.object({ PoolID: anyId });

/** IpamDriver.RequestAddress, ReleaseAddress */
export const addressBody: z.ZodType<AddressBody> = z.object({ PoolID: anyId, Address: text, Options: options });
