import { canonicalAddress } from '../../src/common/address.ts';
import { NetworkError } from '../../src/common/error.ts';
import type { PortBinding, Protocol } from '../../src/ports/spec.ts';
import { portMap, type PortMapEntry, type WireOptions } from './wire.ts';

/** IP protocol numbers (RFC 5237) that the engine publishes. */
const PROTOCOL_NUMBERS: ReadonlyMap<number, Protocol> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
]);
const PORT_MAP = 'com.docker.network.portmap';

/**
 * The ports that the engine wants published: `-p` and, for `-P`, one entry without a host port for
 * each exposed port.
 *
 * An entry without a host address means every address of both families. Engines leave such an
 * entry as one; clients that spell it out as the pair 0.0.0.0 and :: mean one port as well, which
 * one socket for both families takes.
 *
 * @throws {NetworkError} INVALID, UNSUPPORTED
 */
export function portBindings(options: WireOptions): PortBinding[] {
  const parsed = portMap.safeParse(options[PORT_MAP]);
  if (!parsed.success) throw new NetworkError('INVALID', `the engine's list of ports cannot be understood: ${parsed.error.issues[0]?.message ?? 'malformed'}`);
  return mergePairs(parsed.data.map(portBinding));
}

function portBinding(entry: PortMapEntry): PortBinding {
  const protocol = PROTOCOL_NUMBERS.get(entry.Proto);
  if (protocol === undefined) throw new NetworkError('UNSUPPORTED', `IP protocol ${entry.Proto} cannot be published: tcp, udp and sctp can`);
  if (entry.Port === 0) throw new NetworkError('INVALID', 'port 0 of a container cannot be published');
  const { HostIP, HostPort, HostPortEnd } = entry;
  return {
    protocol,
    containerPort: entry.Port,
    ...(HostIP === undefined ? {} : { hostAddress: canonicalAddress(HostIP) }),
    ...(HostPort === 0 ? {} : { hostPort: HostPort }),
    ...(HostPort === 0 || HostPortEnd <= HostPort ? {} : { hostPortEnd: HostPortEnd }),
  };
}

function mergePairs(bindings: readonly PortBinding[]): PortBinding[] {
  const seen = new Set(bindings.map(keyOf));
  const has = (binding: PortBinding, hostAddress: string): boolean => seen.has(keyOf({ ...binding, hostAddress }));
  const once = new Set<string>();
  return bindings.flatMap((binding) => {
    const { hostAddress, ...anywhere } = binding;
    const paired = (hostAddress === '0.0.0.0' && has(binding, '::')) || (hostAddress === '::' && has(binding, '0.0.0.0'));
    const merged = paired ? anywhere : binding;
    if (once.has(keyOf(merged))) return [];
    once.add(keyOf(merged));
    return [merged];
  });
}

function keyOf({ protocol, containerPort, hostAddress = '', hostPort = 0, hostPortEnd = 0 }: PortBinding): string {
  return `${protocol} ${containerPort} ${hostAddress} ${hostPort} ${hostPortEnd}`;
}
