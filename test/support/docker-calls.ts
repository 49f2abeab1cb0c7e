/** Bodies of calls to the network driver door, as an engine sends them, and the calls themselves. */
import assert from 'node:assert/strict';
import type { TestDoors } from './docker-doors.ts';

/** What JSON is made of. */
export type Body = Readonly<Record<string, unknown>>;

/** Ids of the network and of the endpoint that tests speak of. */
export const NETWORK: string = 'a1'.repeat(32);
export const ENDPOINT: string = 'b2'.repeat(32);
const KEY = '/var/run/docker/netns/0123456789ab';

/** The subnets of a network, as CreateNetwork has them. */
export const IPV4: Body = { AddressSpace: 'LocalDefault', Pool: '10.7.0.0/24', Gateway: '10.7.0.1/24' };
export const IPV6: Body = { AddressSpace: 'LocalDefault', Pool: 'fd00:7::/64', Gateway: 'fd00:7::1/64' };

/** A network, as CreateNetwork has it. */
export function network(options: Body = {}, more: Body = {}): object {
  return { NetworkID: NETWORK, Options: { 'com.docker.network.enable_ipv6': false, 'com.docker.network.generic': options }, IPv4Data: [IPV4], IPv6Data: [], ...more };
}

/** An endpoint, as CreateEndpoint has it. */
export function endpoint(options: Body | null = {}, address: Body = { Address: '10.7.0.2/24', AddressIPv6: '', MacAddress: '' }, id: string = ENDPOINT): object {
  return { NetworkID: NETWORK, EndpointID: id, Interface: address, Options: options };
}

/** What names an endpoint in most calls. */
export const ids: Body = { NetworkID: NETWORK, EndpointID: ENDPOINT };
/** As Join has it. */
export const join: Body = { ...ids, SandboxKey: KEY, Options: {} };

/** Ports to be published, as ProgramExternalConnectivity has them: tcp at every address unless told. */
export function ports(...list: Body[]): object {
  const entries = list.map((entry) => ({ Proto: 6, IP: '', HostIP: '', HostPort: 0, HostPortEnd: 0, ...entry }));
  return { ...ids, Options: { 'com.docker.network.portmap': entries, 'com.docker.network.endpoint.exposedports': [] } };
}

/** Calls of the network driver. */
export interface NetworkCalls {
  readonly call: (method: string, body: object) => Promise<Body>;
  /** The answer, which is no refusal. */
  readonly ok: (method: string, body: object) => Promise<Body>;
  /** The words of the refusal. */
  readonly refusal: (method: string, body: object) => Promise<string>;
}

/** @param doors the doors of the running test */
export function networkCalls(doors: () => TestDoors): NetworkCalls {
  const call = (method: string, body: object): Promise<Body> => doors().call(`NetworkDriver.${method}`, body);
  const ok = async (method: string, body: object): Promise<Body> => {
    const reply = await call(method, body);
    assert.equal(reply['Err'], undefined, `${method}: ${String(reply['Err'])}`);
    return reply;
  };
  return { call, ok, refusal: async (method, body) => String((await call(method, body))['Err']) };
}
