import type { ContainerKnowledge } from '../../src/controller/engine-knowledge.ts';
import type { InspectedContainer } from './engine-client.ts';

/** What a container can be found by: anything else that an engine allows is no name for others. */
const NAME = /^[a-z0-9][a-z0-9_.-]{0,252}$/i;
const EXPOSED = /^\d{1,5}\/(?:tcp|udp|sctp)$/;
const LAST_PORT = 65535;

/** What is to be known of the container of an endpoint. Pure. */
export function containerKnowledge(id: string, endpointId: string, { name, hostname, exposed, aliases }: InspectedContainer): ContainerKnowledge {
  const own = NAME.test(name) ? name : endpointId.slice(0, 12);
  return {
    id,
    name: own,
    hostname: NAME.test(hostname) ? hostname : own,
    aliases: (aliases.get(endpointId) ?? []).filter((alias) => NAME.test(alias)),
    exposed: exposed.filter((port) => EXPOSED.test(port) && Number.parseInt(port, 10) > 0 && Number.parseInt(port, 10) <= LAST_PORT),
  };
}
