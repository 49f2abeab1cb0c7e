import { tryParseAddress } from '../common/address.ts';
import { isLinkLocal, isLoopback, isMapped, isMulticast, isUnspecified } from '../common/address-scope.ts';

/** Whether other hosts can reach a host at an address; one of IPv6 that needs a link beside it is none. @param text plain */
export function isHostAddress(text: string): boolean {
  const address = tryParseAddress(text);
  if (address === undefined || isLoopback(address) || isUnspecified(address) || isMulticast(address) || isMapped(address)) return false;
  return address.family === 4 || !isLinkLocal(address);
}
