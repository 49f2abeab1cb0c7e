import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** linux/magic.h */
const OVERLAYFS_SUPER_MAGIC = 0x794c7630;

const INIT = fileURLToPath(new URL('host-init.sh', import.meta.url));

/**
 * Fresh network, mount, UTS and PID namespaces, held by their first process. When that ends, the
 * kernel ends every process in them and drops the namespaces: nothing can be left behind, also
 * when the test run itself is killed.
 */
export class Namespaces implements AsyncDisposable {
  /** First process, as the machine sees it. */
  readonly pid: number;
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess, pid: number) {
    this.#holder = holder;
    this.pid = pid;
  }

  /** @param folder where what outlives a reboot is kept */
  static async start(kind: 'host' | 'lan', name: string, folder: string): Promise<Namespaces> {
    if (process.getuid?.() !== 0) throw new Error('a private host needs root: run the tests as root (sudo scripts/test)');
    const holder = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', 'unshare', '-n', '-m', '-u', '-p', '--kill-child', '--propagation', 'private', 'sh', INIT, kind, name, folder, toolsFolder()],
      { detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let words = '';
    holder.stderr?.setEncoding('utf8').on('data', (text: string) => (words += text));
    const ready = (await Promise.race([once(holder.stdout ?? holder, 'data'), once(holder, 'close').then(() => undefined)])) as [Buffer] | undefined;
    if (ready === undefined) throw new Error(`private host '${name}' did not come up:\n${words}`);
    holder.unref();
    return new Namespaces(holder, Number(String(ready[0])));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return;
    this.#holder.ref();
    const over = once(this.#holder, 'exit');
    // the init of a PID namespace is reaped only when every process in it is gone
    process.kill(this.pid, 'SIGKILL');
    await over;
  }
}

/** A new folder for the state of one host, and its removal. */
export async function stateFolder(name: string): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(await stateParent(), `private-${name}-`));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Where the changes of a host's overlays can lie: not on an overlay, as which a container's /tmp mostly is. */
async function stateParent(): Promise<string> {
  const { type } = await statfs(tmpdir());
  return type === OVERLAYFS_SUPER_MAGIC ? '/dev/shm' : tmpdir();
}

/** Debian packages that scripts/setup unpacked, to be laid under /usr and /etc; '' where none were needed. */
function toolsFolder(): string {
  const laid = process.env['NETCTL_TOOLS'];
  if (laid !== undefined) return laid;
  const caches = [process.env['NETCTL_CACHE'], join(homedir(), '.cache/libnetwork-ts'), fileURLToPath(new URL('../../.cache', import.meta.url))];
  const folders = caches.filter((cache) => cache !== undefined).map((cache) => join(cache, 'debian/unpacked'));
  return folders.find((folder) => existsSync(join(folder, 'usr'))) ?? '';
}
