/** What of a request nobody behind the door looks at before it is used: checked at the door. */
import { parseAddress } from '../common/address.ts';
import { NetworkError } from '../common/error.ts';
import { requireHostname, requireSandboxName } from '../common/name.ts';
import { quote } from '../common/quote.ts';
import { parsePortSpec } from '../ports/spec.ts';
import type { SandboxBody } from './wire.ts';

/** resolv.conf(5) */
const RESOLVER_OPTION = /^[a-z][a-z0-9-]{0,31}(?::\d{1,4})?$/;

/**
 * Checks what a sandbox is told about names: resolvers, search domains, links, exposed ports.
 * @throws {NetworkError} INVALID
 */
export function checkNames(body: Pick<SandboxBody, 'dns' | 'links' | 'exposed'>): void {
  for (const server of body.dns?.servers ?? []) parseAddress(server);
  for (const domain of body.dns?.search ?? []) if (domain !== '.') requireHostname(domain.replace(/\.$/, ''));
  for (const option of body.dns?.options ?? []) {
    if (!RESOLVER_OPTION.test(option)) throw new NetworkError('INVALID', `resolver option ${quote(option)} must look like ndots:2 or rotate`);
  }
  for (const link of body.links ?? []) checkLink(link);
  for (const port of body.exposed ?? []) {
    if (port.includes(':')) throw new NetworkError('INVALID', `exposed port ${quote(port)} must be PORT[-END][/tcp|udp|sctp]; to publish it use -p`);
    parsePortSpec(port);
  }
}

function checkLink(link: string): void {
  const [target = '', alias, ...rest] = link.split(':');
  if (rest.length > 0) throw new NetworkError('INVALID', `link ${quote(link)} must be SANDBOX[:ALIAS]`);
  requireSandboxName(target);
  if (alias !== undefined) requireHostname(alias);
}
