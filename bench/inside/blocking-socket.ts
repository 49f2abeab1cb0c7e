import koffi from 'koffi';

// null is the running program: its C library is loaded already.
const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)') as (family: number, type: number, protocol: number) => number;
const connect = libc.func('int connect(int, const void*, uint32_t)') as (fd: number, address: Buffer, length: number) => number;
const bind = libc.func('int bind(int, const void*, uint32_t)') as (fd: number, address: Buffer, length: number) => number;
const listen = libc.func('int listen(int, int)') as (fd: number, backlog: number) => number;
const accept = libc.func('int accept(int, void*, void*)') as (fd: number, address: null, length: null) => number;
const setsockopt = libc.func('int setsockopt(int, int, int, const void*, uint32_t)') as (fd: number, level: number, option: number, value: Buffer, length: number) => number;
const send = libc.func('long send(int, const void*, ulong, int)') as (fd: number, data: Buffer, length: number, flags: number) => number;
const recv = libc.func('long recv(int, void*, ulong, int)') as (fd: number, data: Buffer, length: number, flags: number) => number;
const close = libc.func('int close(int)') as (fd: number) => number;

/** linux/socket.h, linux/tcp.h, asm-generic/socket.h */
const SOCKET = { AF_INET: 2, SOCK_STREAM: 1, SOCK_CLOEXEC: 0o2000000, SOL_SOCKET: 1, SO_REUSEADDR: 2, SO_SNDTIMEO: 21, IPPROTO_TCP: 6, TCP_NODELAY: 1, MSG_NOSIGNAL: 0x4000 } as const;

/**
 * A TCP socket whose calls block, so that a measurement holds the kernel's time and not the event
 * loop's. IPv4 only.
 */
export class BlockingSocket implements Disposable {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** @throws Error with errno, e.g. when refused or after 5 s */
  static connect(address: string, port: number): BlockingSocket {
    const made = new BlockingSocket(checked(socket(SOCKET.AF_INET, SOCKET.SOCK_STREAM | SOCKET.SOCK_CLOEXEC, 0), 'socket'));
    const timeout = Buffer.alloc(16);
    timeout.writeBigInt64LE(5n);
    checked(setsockopt(made.#fd, SOCKET.SOL_SOCKET, SOCKET.SO_SNDTIMEO, timeout, timeout.length), 'setsockopt');
    const to = socketAddress(address, port);
    try {
      checked(connect(made.#fd, to, to.length), `connect to ${address}:${String(port)}`);
    } catch (error) {
      made[Symbol.dispose]();
      throw error;
    }
    return made;
  }

  /** Listens on every address. */
  static listen(port: number): BlockingSocket {
    const made = new BlockingSocket(checked(socket(SOCKET.AF_INET, SOCKET.SOCK_STREAM | SOCKET.SOCK_CLOEXEC, 0), 'socket'));
    checked(setsockopt(made.#fd, SOCKET.SOL_SOCKET, SOCKET.SO_REUSEADDR, one(), 4), 'setsockopt');
    const at = socketAddress('0.0.0.0', port);
    checked(bind(made.#fd, at, at.length), `bind port ${String(port)}`);
    checked(listen(made.#fd, 16), 'listen');
    return made;
  }

  /** Waits for the next connection. */
  accept(): BlockingSocket {
    return new BlockingSocket(checked(accept(this.#fd, null, null), 'accept')).prompt();
  }

  /** Sends small messages at once. */
  prompt(): this {
    checked(setsockopt(this.#fd, SOCKET.IPPROTO_TCP, SOCKET.TCP_NODELAY, one(), 4), 'setsockopt');
    return this;
  }

  /** Sends all of it. */
  send(data: Buffer): void {
    for (let sent = 0; sent < data.length; ) sent += checked(send(this.#fd, data.subarray(sent), data.length - sent, SOCKET.MSG_NOSIGNAL), 'send');
  }

  /** Waits for bytes; 0 when the other side has ended. */
  receive(into: Buffer): number {
    return checked(recv(this.#fd, into, into.length, 0), 'recv');
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }
}

function one(): Buffer {
  const value = Buffer.alloc(4);
  value.writeInt32LE(1);
  return value;
}

/** struct sockaddr_in (netinet/in.h) */
function socketAddress(address: string, port: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(SOCKET.AF_INET);
  bytes.writeUInt16BE(port, 2);
  for (const [index, part] of address.split('.').entries()) bytes[4 + index] = Number(part);
  return bytes;
}

function checked(result: number, what: string): number {
  if (result < 0) throw new Error(`${what}: errno ${String(koffi.errno())}`);
  return result;
}
