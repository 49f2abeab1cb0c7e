import { once } from 'node:events';
import { renameSync, rmSync, statSync, type Stats } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { NetworkError } from '../common/error.ts';
import { makeFolder } from '../common/make-folder.ts';

/** struct sockaddr_un's sun_path, less its terminating zero (linux/un.h). */
const LONGEST_PATH = 107;

/**
 * Lets a server listen on a unix socket that only its owner can open. The folder is made with mode
 * 0700 where it is missing; the socket of a daemon that has died is replaced. Whoever sees the
 * socket can connect: it is moved into its place when it listens.
 * @returns disposing takes the socket away; connections that are open stay
 * @throws {NetworkError} EXISTS when a daemon answers there, INVALID for a path too long, FORBIDDEN, UNAVAILABLE
 */
export async function listenOnSocket(server: Server, path: string): Promise<Disposable> {
  const temporary = `${path}.${process.pid}`;
  if (Buffer.byteLength(temporary) > LONGEST_PATH) throw new NetworkError('INVALID', `socket path '${path}' is longer than ${LONGEST_PATH - 8} bytes: choose a shorter folder`);
  try {
    makeFolder(dirname(path), 0o700);
    await refuseTaken(path);
    rmSync(temporary, { force: true });
    const listening = once(server, 'listening');
    // The socket is made inside the call: nobody finds it with another mode.
    const mask = process.umask(0o177);
    try {
      server.listen(temporary);
    } finally {
      process.umask(mask);
    }
    await listening;
    renameSync(temporary, path);
    const own = statSync(path);
    return { [Symbol.dispose]: () => removeOwn(path, own) };
  } catch (error) {
    if (error instanceof NetworkError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new NetworkError(code === 'EACCES' || code === 'EPERM' ? 'FORBIDDEN' : 'UNAVAILABLE', `cannot listen on '${path}' (${message}): choose another folder by --run-dir`, { cause: error });
  }
}

async function refuseTaken(path: string): Promise<void> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new NetworkError('EXISTS', `'${path}' is there and is no socket: move it away, or choose another folder by --run-dir`);
  if (await answers(path)) throw new NetworkError('EXISTS', `a daemon is listening on '${path}' already: stop it first, or choose another folder by --run-dir`);
}

async function answers(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return false;
    throw error;
  } finally {
    socket.destroy();
  }
}

/** Another daemon may have put its own there. */
function removeOwn(path: string, own: Stats): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.ino === own.ino && found.dev === own.dev) rmSync(path, { force: true });
}
