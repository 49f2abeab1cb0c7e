import { formatAddress, tryParseAddress } from '../common/address.ts';
import { isMapped, isMulticast } from '../common/address-scope.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';

/** Transport protocols whose ports can be published. */
const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;

/** A transport protocol whose ports can be published. */
export type Protocol = (typeof PROTOCOLS)[number];

/** One port of an endpoint, and where on the host it shall appear. */
export interface PortBinding {
  readonly protocol: Protocol;
  readonly containerPort: number;
  /** Canonical plain address; absent: every address of the host. */
  readonly hostAddress?: string;
  /** Absent: any free one. */
  readonly hostPort?: number;
  /** Given: any free one from hostPort up to this. */
  readonly hostPortEnd?: number;
}

interface PortRange {
  readonly first: number;
  readonly last: number;
}

const FORM = '[HOST-ADDRESS:][HOST-PORT[-END]:]PORT[-END][/tcp|udp|sctp]';

/**
 * `-p` text to bindings, one for each container port. As in Docker: `80`, `8080:80`, `:80`,
 * `127.0.0.1:8080:80/udp`, `127.0.0.1::80`, `[::1]:80:80`, `8000-8009:80-89`; `8000-8009:80`
 * takes one free port of the ten.
 *
 * @throws {NetworkError} INVALID, naming the text and what is allowed
 */
export function parsePortSpec(text: string): PortBinding[] {
  const { protocol, rest } = splitProtocol(text);
  const { hostAddress, rest: numbers } = splitAddress(text, rest);
  const parts = numbers.split(':');
  if (parts.length > 2) {
    const hint = numbers.includes('::') || parts.length > 4 ? '; IPv6 addresses stand in brackets, as in [::1]:80:80' : '';
    return refuse(text, `it must look like ${FORM}${hint}`);
  }
  const container = parseRange(text, parts.at(-1) ?? '', 'container port');
  const hostText = parts.length === 2 ? (parts[0] ?? '') : '';
  const host = hostText === '' ? undefined : parseRange(text, hostText, 'host port');
  const fixed = { protocol, ...(hostAddress === undefined ? {} : { hostAddress }) };
  return expand(text, container, host).map((ports) => Object.assign(ports, fixed));
}

/** The shortest text from which {@link parsePortSpec} makes this one binding. */
export function formatPortBinding(binding: PortBinding): string {
  const { protocol, containerPort, hostAddress, hostPort, hostPortEnd } = binding;
  const address = hostAddress === undefined ? '' : `${hostAddress.includes(':') ? `[${hostAddress}]` : hostAddress}:`;
  const port = hostPort === undefined ? '' : `${hostPort}${hostPortEnd === undefined ? '' : `-${hostPortEnd}`}`;
  const host = address === '' && port === '' ? '' : `${address}${port}:`;
  return `${host}${containerPort}/${protocol}`;
}

function refuse(text: string, why: string): never {
  throw new NetworkError('INVALID', `port ${quote(text)}: ${why}`);
}

function splitProtocol(text: string): { protocol: Protocol; rest: string } {
  const slash = text.indexOf('/');
  if (slash < 0) return { protocol: 'tcp', rest: text };
  const name = text.slice(slash + 1).toLowerCase();
  const protocol = PROTOCOLS.find((known) => known === name);
  if (protocol === undefined) return refuse(text, `protocol ${quote(name)} is not one of ${PROTOCOLS.join(', ')}`);
  return { protocol, rest: text.slice(0, slash) };
}

/** Takes `ADDRESS:` off the front: brackets, or a second colon further on, say that there is one. */
function splitAddress(text: string, body: string): { hostAddress?: string; rest: string } {
  if (body.startsWith('[')) {
    const end = body.indexOf(']:');
    if (end < 0) return refuse(text, "after '[' comes an IPv6 address, then ']:'");
    return { hostAddress: checkAddress(text, body.slice(1, end), 6), rest: body.slice(end + 2) };
  }
  const colons = body.split(':').length - 1;
  const first = body.slice(0, Math.max(body.indexOf(':'), 0));
  if (colons === 2 && first !== '') {
    return { hostAddress: checkAddress(text, first, 4), rest: body.slice(first.length + 1) };
  }
  return { rest: body };
}

function checkAddress(text: string, name: string, family: 4 | 6): string {
  const address = tryParseAddress(name);
  if (address === undefined || address.family !== family) {
    const example = family === 4 ? '192.0.2.1, or in brackets as [2001:db8::1]' : '[2001:db8::1]';
    return refuse(text, `host address ${quote(name)} must be a plain IP address such as ${example}`);
  }
  if (isMapped(address)) {
    const inner = formatAddress({ family: 4, value: address.value & 0xffff_ffffn });
    return refuse(text, `host address ${quote(name)} is an IPv4 address; write it as ${inner}`);
  }
  if (isMulticast(address)) return refuse(text, `host address ${quote(name)} is a multicast address`);
  return formatAddress(address);
}

function parseRange(text: string, range: string, what: string): PortRange {
  const match = /^(\d+)(?:-(\d+))?$/.exec(range);
  if (match === null) return refuse(text, `${what} ${quote(range)} must be a number from 1 to 65535 or a range such as 8000-8009`);
  const first = parsePort(text, match[1] ?? '', what);
  const last = match[2] === undefined ? first : parsePort(text, match[2], what);
  if (last < first) return refuse(text, `${what} range ${range} ends below its start`);
  return { first, last };
}

function parsePort(text: string, digits: string, what: string): number {
  const port = /^[1-9]\d{0,4}$/.test(digits) ? Number(digits) : 0;
  if (port >= 1 && port <= 65535) return port;
  const hint = what === 'host port' && /^0+$/.test(digits) ? '; leave it out to get any free one' : '';
  return refuse(text, `${what} ${quote(digits)} must be 1 to 65535${hint}`);
}

function expand(text: string, container: PortRange, host: PortRange | undefined): Omit<PortBinding, 'protocol' | 'hostAddress'>[] {
  const count = container.last - container.first + 1;
  const each = Array.from({ length: count }, (_, at) => container.first + at);
  if (host === undefined) return each.map((containerPort) => ({ containerPort }));
  const hostCount = host.last - host.first + 1;
  if (hostCount === count) return each.map((containerPort, at) => ({ containerPort, hostPort: host.first + at }));
  if (count === 1) return [{ containerPort: container.first, hostPort: host.first, hostPortEnd: host.last }];
  return refuse(text, `the host range has length ${hostCount}, the container range ${count}; they must be equally long, or the container port a single one`);
}
