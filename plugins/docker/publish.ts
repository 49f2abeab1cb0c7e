import { familyOf, type Family } from '../../src/common/address.ts';
import type { EngineDoor } from '../../src/controller/engine-door.ts';
import type { EndpointRecord } from '../../src/controller/records.ts';
import type { PortBinding } from '../../src/ports/spec.ts';
import { portBindings } from './port-map.ts';
import type { WireOptions } from './wire.ts';

/** Set where the container leads out by one endpoint for IPv4 and by another for IPv6 (engines from 28 on). */
const SPLIT = 'com.docker.network.driver.private.no_proxy_6to4';
const HOST_BINDING = 'com.docker.network.bridge.host_binding_ipv4';
const ANYWHERE: Readonly<Record<Family, string>> = { 4: '0.0.0.0', 6: '::' };

/**
 * Publishes the ports of a container at one of its endpoints. Where two endpoints share the work,
 * the engine asks both for the same ports: each takes its family.
 * @throws {NetworkError} NOT_FOUND, INVALID, IN_USE, EXHAUSTED, UNSUPPORTED
 */
export async function publish(engine: EngineDoor, endpointId: string, options: WireOptions): Promise<void> {
  const bindings = portBindings(options);
  const endpoint = engine.endpoint(endpointId);
  const others = engine.sharing(endpointId).filter(({ ports }) => ports.length > 0);
  if (endpoint !== undefined && options[SPLIT] === true) {
    const family = endpoint.ipv4 === undefined ? 6 : 4;
    // One that published both families until now does not always hear that it has lost one.
    for (const other of others) await engine.publish(other.id, narrow(engine, other, other.ports, family === 4 ? 6 : 4));
    await engine.publish(endpointId, narrow(engine, endpoint, bindings, family));
    return;
  }
  const [taken] = others.flatMap(({ ports }) => onlyFamily(ports) ?? []);
  await engine.publish(endpointId, endpoint === undefined || taken === undefined ? bindings : narrow(engine, endpoint, bindings, taken === 4 ? 6 : 4));
}

/** The part of the bindings that is of one family. */
function narrow(engine: EngineDoor, { networkId }: EndpointRecord, bindings: readonly PortBinding[], family: Family): PortBinding[] {
  const usual = engine.network(networkId)?.options[HOST_BINDING];
  return bindings.flatMap((binding) => {
    const address = binding.hostAddress ?? usual;
    if (address === undefined) return [{ ...binding, hostAddress: ANYWHERE[family] }];
    return familyOf(address) === family ? [binding] : [];
  });
}

/** The family of ports that are all of one. */
function onlyFamily(ports: readonly PortBinding[]): Family | undefined {
  const families = new Set(ports.flatMap(({ hostAddress }): Family[] => (hostAddress === undefined ? [4, 6] : [familyOf(hostAddress)])));
  const [family] = families;
  return families.size === 1 ? family : undefined;
}
