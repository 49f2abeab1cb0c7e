/** The network that every peer is given, in its own host: room for 2000 endpoints. */
export const NETWORK = {
  subnet4: '10.90.0.0/16',
  gateway4: '10.90.0.1',
  subnet6: 'fd00:90::/64',
  gateway6: 'fd00:90::1',
} as const;

/** Plain address of an endpoint, for peers that are told which. */
export function address4(number: number): string {
  return `10.90.${String(16 + (number >> 8))}.${String(number & 255)}`;
}

/** The same of IPv6. */
export function address6(number: number): string {
  return `fd00:90::1:${number.toString(16)}`;
}
