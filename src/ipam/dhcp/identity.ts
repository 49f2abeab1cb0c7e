import { formatAddress } from '../../common/address.ts';
import { parseMac } from '../../common/mac.ts';

/** RFC 4361 §6.1: type, IAID, DUID. */
const TYPE = 255;
/** RFC 6355 */
const DUID_UUID = [0, 4] as const;

/** DHCP unique identifier of an endpoint: the same for its whole life, whatever its interface is. */
export function duidOf(endpointId: string): Uint8Array {
  return Uint8Array.from([...DUID_UUID, ...Buffer.from(endpointId.slice(0, 32).padEnd(32, '0'), 'hex')]);
}

/** Identity association: the one thing that the endpoint wants addresses for. Four bytes. */
export function iaidOf(endpointId: string): Uint8Array {
  return Uint8Array.from(Buffer.from(endpointId.slice(32, 40).padEnd(8, '0'), 'hex'));
}

/** Client identifier (option 61) of an endpoint with an id of hex digits. */
export function clientIdOf(endpointId: string): Uint8Array {
  return Uint8Array.from([TYPE, ...iaidOf(endpointId), ...duidOf(endpointId)]);
}

/** Client identifier of whoever is known by a MAC address only (RFC 2132 §9.14), as clients without one are taken for. */
export function clientIdOfMac(mac: string): Uint8Array {
  return Uint8Array.from([1, ...parseMac(mac)]);
}

/** The link-local address that the kernel gives a link with this MAC address (RFC 4291, appendix A). */
export function linkLocalOf(mac: string): string {
  const [first = 0, ...others] = parseMac(mac);
  const bytes = [first ^ 2, others[0] ?? 0, others[1] ?? 0, 0xff, 0xfe, ...others.slice(2)];
  return formatAddress({ family: 6, value: (0xfe80n << 112n) | BigInt(`0x${Buffer.from(bytes).toString('hex')}`) });
}
