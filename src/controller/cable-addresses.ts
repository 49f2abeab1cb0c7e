import { bitsOf, formatAddress, parseAddress, sameAddress, type Address } from '../common/address.ts';
import { isLinkLocal, isLoopback, isMulticast, isUnspecified } from '../common/address-scope.ts';
import { firstOf, lastOf, parseInterfaceAddress } from '../common/cidr.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';

/**
 * The addresses that somebody wants at the two ends of a cable, in CIDR form and canonical text. A
 * plain address has no network: it gets the full length.
 * @throws {NetworkError} INVALID names the address and why no interface can have it
 */
export function cableAddresses(ends: readonly (readonly string[])[]): string[][] {
  const taken: Address[] = [];
  return ends.map((texts) =>
    texts.map((text) => {
      const { address, prefix } = parse(text);
      if (taken.some((other) => sameAddress(other, address))) refuse(text, 'is given twice: each end needs one of its own');
      taken.push(address);
      return `${formatAddress(address)}/${prefix}`;
    }),
  );
}

function parse(text: string): { readonly address: Address; readonly prefix: number } {
  if (!text.includes('/')) {
    const address = parseAddress(text);
    refuseUnusable(text, address);
    return { address, prefix: bitsOf(address.family) };
  }
  const { address, network } = parseInterfaceAddress(text);
  refuseUnusable(text, address);
  // RFC 3021: a /31 has two hosts and nothing else.
  if (network.family === 4 && network.prefix < 31 && [firstOf(network), lastOf(network)].some((end) => sameAddress(end, address))) {
    refuse(text, `is the ${sameAddress(firstOf(network), address) ? 'network' : 'broadcast'} address of its subnet: take one in between, or a /31`);
  }
  return { address, prefix: network.prefix };
}

function refuseUnusable(text: string, address: Address): void {
  if (isUnspecified(address) || isMulticast(address)) refuse(text, 'is the address of no host');
  if (isLoopback(address)) refuse(text, 'means every host itself');
  if (address.family === 6 && isLinkLocal(address)) refuse(text, 'is link-local, and the interface has one of those by itself: leave it out');
}

function refuse(text: string, why: string): never {
  throw new NetworkError('INVALID', `address ${quote(text)} of a link ${why}`);
}
