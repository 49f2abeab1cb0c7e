import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { NetworkError } from '../../common/error.ts';
import { quote } from '../../common/quote.ts';
import { parsePeers } from './parse-peers.ts';
import type { Peers } from './peers.ts';

/** inode(7) */
const OTHERS_WRITE = 0o002;
/** Bytes: a hundred hosts need a tenth of it. */
const LARGEST = 1 << 20;

/**
 * Reads a file of hosts and their blocks.
 * @throws {NetworkError} UNAVAILABLE where it cannot be read, FORBIDDEN where anybody can write it, and as {@link parsePeers}
 */
export function readPeers(file: string): Peers {
  return parsePeers(file, readText(file));
}

/** What has become of a file since it was read; undefined where it says the same. */
export function changeOf({ file, digest }: Peers): string | undefined {
  try {
    if (readPeers(file).digest === digest) return undefined;
    return `${file} is another one than when this daemon started, which goes on with what stood there: start it again, with the same file on every host`;
  } catch (error) {
    return `${NetworkError.from(error).message} (this daemon goes on with what stood there when it started, and would not start again)`;
  }
}

function readText(file: string): string {
  let descriptor: number | undefined;
  try {
    // Nobody waits for whoever may write into a pipe.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw new NetworkError('INVALID', `${file}: not a file, so it is none of hosts: correct --cluster static://PATH`);
    const { mode, size } = stats;
    if ((mode & OTHERS_WRITE) !== 0) throw new NetworkError('FORBIDDEN', `${file}: everybody can write this file, and with it send packets of this host anywhere: chmod o-w ${quote(file)}`);
    if (size > LARGEST) throw new NetworkError('INVALID', `${file}: ${String(size)} bytes are more than a file of hosts has (${String(LARGEST)}): is it the right one?`);
    return readFileSync(descriptor, 'utf8');
  } catch (error) {
    if (error instanceof NetworkError) throw error;
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new NetworkError('UNAVAILABLE', `${file}: the file of hosts cannot be read (${code}): correct --cluster static://PATH, or mend it`, { cause: error });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
