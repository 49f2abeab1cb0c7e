import { readFileSync, statSync } from 'node:fs';
import { HOST } from '../kernel/op.ts';
import { parseResolvConf } from './resolv-conf.ts';
import { serverSet, type ServerSet } from './server-set.ts';

/** ms between two looks at the file. */
const LOOK_EVERY = 100;

/** Who is asked when the file names nobody (resolv.conf(5), `nameserver`). */
const DEFAULT_SERVERS = ['127.0.0.1'];

/**
 * The servers of the host's resolv.conf as it is now. The file is looked at when they are needed, as
 * the C library does: that sees every way in which it may be replaced (a link that leads elsewhere, a mount
 * over it), takes 2 µs, and nothing while nobody asks.
 */
export class HostServers {
  readonly #file: string;
  readonly #now: () => number;
  #seen = '';
  #lookedAt = -Infinity;
  #servers: ServerSet = serverSet(HOST, DEFAULT_SERVERS);

  /** @param now ms that never run backwards */
  constructor(file: string, now: () => number) {
    this.#file = file;
    this.#now = now;
  }

  /** What it says, or said until a moment ago. */
  get current(): ServerSet {
    const now = this.#now();
    if (now < this.#lookedAt + LOOK_EVERY) return this.#servers;
    this.#lookedAt = now;
    const mark = markOf(this.#file);
    if (mark === this.#seen) return this.#servers;
    this.#seen = mark;
    const { servers } = parseResolvConf(this.#read());
    this.#servers = serverSet(HOST, servers.length > 0 ? servers : DEFAULT_SERVERS);
    return this.#servers;
  }

  /** A file that is not there, or may not be read, names nobody. */
  #read(): string {
    try {
      return readFileSync(this.#file, 'utf8');
    } catch {
      return '';
    }
  }
}

/** Something that is different when the file is; empty when there is none. */
function markOf(file: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return '';
  }
}
