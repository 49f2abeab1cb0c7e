import { fold } from './name.ts';
import type { Service } from './names.ts';

const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;

/** Ports by the names that SRV questions call them (IANA "Service Name and Transport Protocol Port Number Registry"; those of /etc/services that servers in sandboxes have). */
const WELL_KNOWN: ReadonlyMap<string, number> = new Map(
  Object.entries({
    ftp: 21, ssh: 22, telnet: 23, smtp: 25, domain: 53, tftp: 69, http: 80, kerberos: 88, pop3: 110, sunrpc: 111,
    ntp: 123, imap: 143, snmp: 161, bgp: 179, ldap: 389, https: 443, submissions: 465, syslog: 514, submission: 587, ipp: 631,
    ldaps: 636, rsync: 873, imaps: 993, pop3s: 995, socks: 1080, 'ms-sql-s': 1433, mqtt: 1883, nfs: 2049, 'etcd-client': 2379, 'etcd-server': 2380,
    iscsi: 3260, mysql: 3306, 'ms-wbt-server': 3389, stun: 3478, svn: 3690, sip: 5060, sips: 5061, 'xmpp-client': 5222, 'xmpp-server': 5269, postgresql: 5432,
    amqps: 5671, amqp: 5672, coap: 5683, redis: 6379, 'http-alt': 8080, 'secure-mqtt': 8883, git: 9418, memcache: 11_211, mongodb: 27_017,
  }),
);

/** A port and its protocol as one number. */
function serviceNumber(protocol: number, port: number): number {
  return (protocol << 16) | port;
}

/** Services as numbers, ascending, each once. */
export function serviceNumbers(services: readonly Service[]): Uint32Array {
  const numbers = services.map((service) => serviceNumber(PROTOCOLS.indexOf(service.protocol), service.port));
  return Uint32Array.from(new Set(numbers)).toSorted();
}

/** Port of a service's number. */
export function portOf(service: number): number {
  return service & 0xffff;
}

/** Whether a number is among those of {@link serviceNumbers}. */
export function offers(services: Uint32Array, wanted: number): boolean {
  let low = 0;
  for (let high = services.length; low < high; ) {
    const middle = (low + high) >> 1;
    if ((services[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return services[low] === wanted;
}

/**
 * Reads `_port._proto.` at the start of a name (RFC 2782): the port as a number or by its name.
 *
 * @param at where the name begins
 * @returns the service's number, -1 for one of that shape that nobody can offer, undefined for other names
 */
export function readService(bytes: Uint8Array, at: number, labels: Uint8Array, labelCount: number): number | undefined {
  if (labelCount < 3 || bytes[at + 1] !== UNDERSCORE) return undefined;
  const second = at + (labels[1] ?? 0);
  if (bytes[second + 1] !== UNDERSCORE) return undefined;
  const protocol = PROTOCOLS.findIndex((name) => name === labelText(bytes, second));
  if (protocol < 0) return undefined;
  const service = labelText(bytes, at);
  const port = /^[1-9]\d{0,4}$/.test(service) ? Number(service) : WELL_KNOWN.get(service);
  return port === undefined || port > 0xffff ? NO_SERVICE : serviceNumber(protocol, port);
}

/** Of no protocol: nobody has it. */
const NO_SERVICE = -1;

const UNDERSCORE = 0x5f;

/** Text of a label, in lower case, behind its underscore. */
function labelText(bytes: Uint8Array, at: number): string {
  let text = '';
  for (let index = at + 2; index <= at + (bytes[at] ?? 0); index++) text += String.fromCharCode(fold(bytes[index] ?? 0));
  return text;
}
