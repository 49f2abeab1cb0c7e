import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The tables of sockets that have a local port (Documentation/networking/proc_net_tcp.rst; UDP alike). */
const TABLES = ['udp', 'udp6', 'tcp', 'tcp6'] as const;
/** Columns of a line: local address and port in hexadecimal, inode of the socket. */
const LOCAL = 1;
const INODE = 9;

/**
 * `ss -lntup` for one port of the host's namespace: which programs hold it, for error messages.
 * Looks through all processes, which takes ms.
 *
 * @returns as in `dnsmasq (process 812)`; undefined when none can be found
 */
export function portHolder(port: number): string | undefined {
  const wanted = new Set(TABLES.flatMap((table) => inodes(table, port)));
  if (wanted.size === 0) return undefined;
  const found = entries('/proc').filter((name) => /^\d+$/.test(name) && entries(`/proc/${name}/fd`).some((fd) => wanted.has(target(`/proc/${name}/fd/${fd}`))));
  return found.length === 0 ? undefined : found.map((pid) => `${read(`/proc/${pid}/comm`).trim()} (process ${pid})`).join(', ');
}

function inodes(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = read(`/proc/net/${table}`).split('\n').map((line) => line.trim().split(/\s+/));
  return lines.filter((line) => line[LOCAL]?.endsWith(suffix) === true).map((line) => `socket:[${line[INODE] ?? ''}]`);
}

/** Processes end while they are looked at: what is not there (any more) is empty. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function target(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}
