import { chmod, lstat, mkdtemp, rename, rm, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { once } from 'node:events';
import { NetworkError } from '../../src/common/error.ts';
import { makeFolder } from '../../src/common/make-folder.ts';
import type { PluginServer } from './plugin-server.ts';

/** Longest path of a unix socket, bytes (sun_path in linux/un.h, with its end). */
const LONGEST = 107;

/**
 * Lets a server listen at a path that only its owner may use (mode 0600). What a dead owner left
 * there is replaced; on disposal, open requests are answered and the socket is removed.
 *
 * @throws {NetworkError} IN_USE when somebody listens there, INVALID for a path that is too long or taken by something else, UNAVAILABLE
 */
export async function listenAt({ server, stop }: PluginServer, path: string): Promise<AsyncDisposable> {
  if (Buffer.byteLength(path) > LONGEST) throw new NetworkError('INVALID', `socket path '${path}' is longer than ${LONGEST} bytes: choose a shorter folder`);
  makePluginFolder(dirname(path));
  await refuseLiving(path);
  // Made in a folder that nobody else can enter and moved into place: nobody meets it with other rights, and a stale one is replaced in one step.
  const folder = await mkdtemp(join(dirname(path), '.new-'));
  try {
    const fresh = join(folder, 's');
    server.listen(fresh);
    await once(server, 'listening');
    await chmod(fresh, 0o600);
    await rename(fresh, path);
  } catch (error) {
    server.close();
    throw new NetworkError('UNAVAILABLE', `socket ${path} cannot be made: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const { ino } = await lstat(path);
  return {
    async [Symbol.asyncDispose]() {
      if ((await inodeOf(path)) === ino) await unlink(path);
      await stop();
    },
  };
}

function makePluginFolder(path: string): void {
  try {
    makeFolder(path, 0o755);
  } catch (error) {
    throw new NetworkError('UNAVAILABLE', `plugin folder '${path}' cannot be made (${error instanceof Error ? error.message : String(error)}): choose another one by --docker-plugins`, { cause: error });
  }
}

async function refuseLiving(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new NetworkError('INVALID', `'${path}' exists and is no socket: move it away`);
  if (await answers(path)) {
    throw new NetworkError('IN_USE', `somebody listens at ${path}: stop the other netctl daemon (or plugin), or choose another folder with --docker-plugins`);
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function inodeOf(path: string): Promise<number | undefined> {
  return (await lstat(path).catch(() => undefined))?.ino;
}
