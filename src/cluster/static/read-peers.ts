import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
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
export async function readPeers(file: string): Promise<Peers> {
  return parsePeers(file, await readText(file));
}

async function readText(file: string): Promise<string> {
  try {
    // Nobody waits for whoever may write into a pipe.
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await handle.stat();
    if (!stats.isFile()) throw new NetworkError('INVALID', `${file}: not a file, so it is none of hosts: correct --cluster static://PATH`);
    const { mode, size } = stats;
    if ((mode & OTHERS_WRITE) !== 0) throw new NetworkError('FORBIDDEN', `${file}: everybody can write this file, and with it send packets of this host anywhere: chmod o-w ${quote(file)}`);
    if (size > LARGEST) throw new NetworkError('INVALID', `${file}: ${String(size)} bytes are more than a file of hosts has (${String(LARGEST)}): is it the right one?`);
    return await handle.readFile('utf8');
  } catch (error) {
    if (error instanceof NetworkError) throw error;
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new NetworkError('UNAVAILABLE', `${file}: the file of hosts cannot be read (${code}): correct --cluster static://PATH, or mend it`, { cause: error });
  }
}
