import { fstatSync } from 'node:fs';
import { NetworkError } from '../common/error.ts';
import { ERRNO, errnoOf } from './errno.ts';
import { HOST } from './op.ts';
import type { NamespacePath } from './op.ts';
import { closeFile, ioctl, openFile, setNetworkNamespace, SYS, threadId } from './sys.ts';

/** An open network namespace. As long as it is open the kernel keeps the namespace alive. */
export interface NamespaceHandle extends Disposable {
  readonly path: NamespacePath;
  readonly fd: number;
}

const ownPath = (): string => `/proc/self/task/${threadId()}/ns/net`;

/** errno values that say that a path leads to no namespace (any more): never there, process gone, mount gone. */
const GONE = new Set<number | undefined>([ERRNO.ENOENT, ERRNO.ESRCH, ERRNO.ENOTDIR, ERRNO.ENOTTY, ERRNO.EINVAL]);

/**
 * The network namespaces of this machine as the calling thread sees them. Only the kernel worker
 * makes one: it changes the namespace of its thread.
 */
export class Namespaces implements Disposable {
  /** The namespace in which the thread was when this was made. */
  readonly host: NamespaceHandle;

  constructor() {
    this.host = handle(HOST, openFile(ownPath()));
  }

  [Symbol.dispose](): void {
    this.host[Symbol.dispose]();
  }

  /**
   * Opens the namespace behind a path; undefined when there is none.
   * @throws {NetworkError} KERNEL when it may not be opened
   */
  open(path: NamespacePath): NamespaceHandle | undefined {
    if (path === HOST) return { path, fd: this.host.fd, [Symbol.dispose]: () => {} };
    let fd = -1;
    try {
      // Without O_NONBLOCK a path that is a pipe would block for ever.
      fd = openFile(path, SYS.O_RDONLY | SYS.O_NONBLOCK);
      // A named namespace whose mount is gone leaves a plain file behind.
      if (ioctl(fd, SYS.NS_GET_NSTYPE, null, `ask ${path} what it is`) === SYS.CLONE_NEWNET) return handle(path, fd);
    } catch (error) {
      if (!GONE.has(errnoOf(error))) throw error;
    }
    if (fd >= 0) closeFile(fd);
    return undefined;
  }

  /** The namespace in which the thread stands right now, under the path by which it will be known. */
  current(path: NamespacePath): NamespaceHandle {
    return handle(path, openFile(ownPath()));
  }

  /** The same as {@link open}. @throws {NetworkError} NOT_FOUND */
  require(path: NamespacePath): NamespaceHandle {
    const found = this.open(path);
    if (found === undefined) throw new NetworkError('NOT_FOUND', `there is no network namespace at ${path}; \`ip netns list\` shows the named ones`);
    return found;
  }

  /**
   * Runs `work` with this thread in another namespace. It must be synchronous and start no thread,
   * worker or process: they would stay in that namespace for ever. Sockets keep the namespace they were opened in.
   * @throws {NetworkError} KERNEL when the namespace cannot be entered, and whatever `work` throws
   */
  inside<T>(namespace: NamespaceHandle, work: () => T): T {
    if (namespace.fd === this.host.fd) return work();
    setNetworkNamespace(namespace.fd, namespace.path);
    try {
      return work();
    } finally {
      this.leave();
    }
  }

  /** Back to the host's namespace; a thread that cannot return would do every later call in the wrong one, so the process ends. */
  leave(): void {
    try {
      setNetworkNamespace(this.host.fd, "the host's namespace");
    } catch {
      process.abort();
    }
  }

  /** `device:inode`, equal for two paths to one namespace; undefined when there is none. */
  identity(path: NamespacePath): string | undefined {
    using found = this.open(path);
    return found === undefined ? undefined : identityOf(found);
  }
}

/** `device:inode` of an open namespace. */
export function identityOf({ fd }: NamespaceHandle): string {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return `${dev}:${ino}`;
}

function handle(path: NamespacePath, fd: number): NamespaceHandle {
  let open = true;
  return {
    path,
    fd,
    [Symbol.dispose]: () => {
      if (open) closeFile(fd);
      open = false;
    },
  };
}
