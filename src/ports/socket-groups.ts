import { familyOf, type Family } from '../common/address.ts';
import type { SocketPlace, SocketRequest } from '../kernel/kernel.ts';
import { overlap } from './overlap.ts';
import type { PortBinding } from './spec.ts';

/** A binding, and the families of host addresses at which it is to be; none: it needs no port of the host. */
export interface HostBinding extends PortBinding {
  readonly families: readonly Family[];
}

/** Sockets that are to have one number, and who gets it. */
export interface SocketGroup extends SocketRequest {
  /** Where they lead. */
  readonly containerPort: number;
  /** Indexes of the bindings. */
  readonly members: readonly number[];
}

interface Growing extends SocketGroup {
  readonly places: SocketPlace[];
  readonly members: number[];
}

/**
 * The sockets that bindings need. Those that leave the number open and differ in nothing but their
 * host address get the same one, as in Docker: a host name may stand for several addresses. Exact
 * numbers come first, so that no random one takes the place of a named one.
 */
export function socketGroups(bindings: readonly HostBinding[]): SocketGroup[] {
  const alike = new Map<string, Growing[]>();
  for (const [index, binding] of bindings.entries()) {
    const place = placeOf(binding);
    if (place === undefined) continue;
    const { protocol, containerPort, hostPort: port = 0, hostPortEnd } = binding;
    const key = `${protocol} ${containerPort} ${port} ${hostPortEnd}`;
    const groups = alike.get(key) ?? [];
    const isOpen = port === 0 || hostPortEnd !== undefined;
    const group = isOpen ? groups.find(({ places }) => !places.some((other) => overlap(hostAddressOf(other), hostAddressOf(place)))) : undefined;
    if (group === undefined) alike.set(key, [...groups, { protocol, containerPort, port, places: [place], members: [index], ...(hostPortEnd === undefined ? {} : { lastPort: hostPortEnd }) }]);
    group?.places.push(place);
    group?.members.push(index);
  }
  return [...alike.values()].flat().toSorted((a, b) => freedom(a) - freedom(b));
}

/** The host address of a binding that is bound there; undefined: every address, both families. */
export function hostAddressOf({ address, dualStack }: SocketPlace): string | undefined {
  return dualStack ? undefined : address;
}

/** Where IPv6 arrives a proxy listens: where NAT delivers, nothing reaches it. */
function placeOf({ protocol, hostAddress, families }: HostBinding): SocketPlace | undefined {
  const [family, other] = hostAddress === undefined ? families : families.filter((one) => one === familyOf(hostAddress));
  if (family === undefined) return undefined;
  const dualStack = other !== undefined;
  const address = hostAddress ?? (dualStack || family === 6 ? '::' : '0.0.0.0');
  return { address, dualStack, listen: protocol !== 'sctp' && familyOf(address) === 6 };
}

function freedom({ port, lastPort }: SocketRequest): number {
  return port === 0 ? 2 : lastPort === undefined ? 0 : 1;
}
