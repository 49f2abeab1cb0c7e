/** Refusals where hosts, networks and blocks stand in a file, so that no command can change them. */
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { Directory } from './directory.ts';
import { ownerOf } from './lending.ts';

/** @param what that is asked for and cannot be done, a clause @throws {NetworkError} FORBIDDEN, always */
export function refuseFixed(file: string, what: string): never {
  throw new NetworkError('FORBIDDEN', `${what}: hosts and networks stand in ${file}; change it there on every host, and start the daemons again`);
}

/**
 * Says why this host cannot give an address that is in no block of its own.
 * @param address plain; undefined where any would have done
 * @throws {NetworkError} EXHAUSTED without an address, FORBIDDEN with one
 */
export function refuseUnlisted(file: string, directory: Directory, networkId: string, address: string | undefined): never {
  const name = quote(directory.networks.get(networkId)?.name ?? networkId);
  if (address === undefined) throw new NetworkError('EXHAUSTED', `this host has no address of network ${name} left to give: add to its blocks in ${file} on every host, and start the daemons again`);
  const way = 'choose another one, or change that on every host and start the daemons again';
  const owner = ownerOf(directory, networkId, address);
  if (owner === undefined) throw new NetworkError('FORBIDDEN', `address ${address} of network ${name} is in no block of ${file}: ${way}`);
  throw new NetworkError('FORBIDDEN', `address ${address} of network ${name} is in a block of host ${quote(directory.hosts.get(owner)?.name ?? owner)} in ${file}: ${way}`);
}
