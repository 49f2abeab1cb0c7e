/**
 * Every foreign function that this project calls, with its C signature, in this one file: a wrong
 * signature is memory corruption, so this is the file to review. Data crosses as Buffers whose
 * length goes along; the one opaque pointer is libnftables' context.
 */
import { constants } from 'node:fs';
import koffi from 'koffi';
import { kernelError } from './errno.ts';

// null is the running program: its C library is loaded already, whether glibc or musl.
const libc = koffi.load(null);

/* oxlint-disable typescript/no-unsafe-type-assertion -- koffi cannot type what a C prototype says */
const c = {
  gettid: libc.func('int gettid()') as () => number,
  open: libc.func('int open(const char*, int, uint32_t)') as (path: string, flags: number, mode: number) => number,
  close: libc.func('int close(int)') as (fd: number) => number,
  read: libc.func('long read(int, void*, ulong)') as (fd: number, to: Buffer, length: number) => number,
  write: libc.func('long write(int, const void*, ulong)') as (fd: number, from: Buffer, length: number) => number,
  ioctl: libc.func('int ioctl(int, ulong, void*)') as (fd: number, request: number, argument: Buffer | null) => number,
  poll: libc.func('int poll(void*, ulong, int)') as (fds: Buffer, count: number, timeout: number) => number,
  eventfd: libc.func('int eventfd(uint32_t, int)') as (initial: number, flags: number) => number,
  setns: libc.func('int setns(int, int)') as (fd: number, type: number) => number,
  unshare: libc.func('int unshare(int)') as (flags: number) => number,
  mount: libc.func('int mount(const char*, const char*, const char*, ulong, const void*)') as (
    source: string, target: string, type: string | null, flags: number, data: null) => number,
  linkat: libc.func('int linkat(int, const char*, int, const char*, int)') as (
    fromFolder: number, from: string, toFolder: number, to: string, flags: number) => number,
  umount2: libc.func('int umount2(const char*, int)') as (target: string, flags: number) => number,
  socket: libc.func('int socket(int, int, int)') as (family: number, type: number, protocol: number) => number,
  bind: libc.func('int bind(int, const void*, uint32_t)') as (fd: number, address: Buffer, length: number) => number,
  listen: libc.func('int listen(int, int)') as (fd: number, backlog: number) => number,
  getsockname: libc.func('int getsockname(int, void*, void*)') as (fd: number, address: Buffer, length: Buffer) => number,
  setsockopt: libc.func('int setsockopt(int, int, int, const void*, uint32_t)') as (
    fd: number, level: number, option: number, value: Buffer, length: number) => number,
  sendto: libc.func('long sendto(int, const void*, ulong, int, const void*, uint32_t)') as (
    fd: number, data: Buffer, length: number, flags: number, to: Buffer, toLength: number) => number,
  recvfrom: libc.func('long recvfrom(int, void*, ulong, int, void*, void*)') as (
    fd: number, data: Buffer, length: number, flags: number, from: Buffer, fromLength: Buffer) => number,
  accept4: libc.func('int accept4(int, void*, void*, int)') as (fd: number, address: Buffer, length: Buffer, flags: number) => number,
  connect: libc.func('int connect(int, const void*, uint32_t)') as (fd: number, address: Buffer, length: number) => number,
  send: libc.func('long send(int, const void*, ulong, int)') as (fd: number, data: Buffer, length: number, flags: number) => number,
  recv: libc.func('long recv(int, void*, ulong, int)') as (fd: number, data: Buffer, length: number, flags: number) => number,
  sendmmsg: libc.func('int sendmmsg(int, void*, uint32_t, int)') as (fd: number, headers: Buffer, count: number, flags: number) => number,
  recvmmsg: libc.func('int recvmmsg(int, void*, uint32_t, int, void*)') as (
    fd: number, headers: Buffer, count: number, flags: number, timeout: null) => number,
  epoll_create1: libc.func('int epoll_create1(int)') as (flags: number) => number,
  epoll_ctl: libc.func('int epoll_ctl(int, int, int, void*)') as (epoll: number, operation: number, fd: number, event: Buffer) => number,
  epoll_wait: libc.func('int epoll_wait(int, void*, int, int)') as (epoll: number, events: Buffer, count: number, timeout: number) => number,
  // The C library of Debian 11 has no pidfd_open() and pidfd_send_signal() of its own.
  syscall: libc.func('long syscall(long, long, long, void*, long)') as (number: number, first: number, second: number, third: null, fourth: number) => number,
  getrlimit: libc.func('int getrlimit(int, void*)') as (resource: number, limit: Buffer) => number,
  setrlimit: libc.func('int setrlimit(int, const void*)') as (resource: number, limit: Buffer) => number,
  inet_pton: libc.func('int inet_pton(int, const char*, void*)') as (family: number, text: string, to: Buffer) => number,
  inet_ntop: libc.func('const char* inet_ntop(int, const void*, void*, uint32_t)') as (
    family: number, from: Buffer, scratch: Buffer, length: number) => string | null,
};
/* oxlint-enable typescript/no-unsafe-type-assertion */

/** open(2) at a folder: a file there without a name (asm-generic/fcntl.h). O_DIRECTORY differs from machine to machine. */
export const O_TMPFILE: number = 0o20000000 | constants.O_DIRECTORY;

/** asm-generic/fcntl.h, linux/mount.h, linux/sched.h, linux/nsfs.h, linux/eventpoll.h */
export const SYS = {
  O_RDONLY: 0, O_WRONLY: 1, O_CREAT: 0o100, O_EXCL: 0o200, O_NONBLOCK: 0o4000, O_CLOEXEC: 0o2000000,
  AT_FDCWD: -100, AT_SYMLINK_FOLLOW: 0x400,
  MS_BIND: 0x1000, MS_REC: 0x4000, MS_SHARED: 0x100000, MNT_DETACH: 2,
  CLONE_NEWNET: 0x40000000, NS_GET_NSTYPE: 0xb703,
  EFD_CLOEXEC: 0o2000000, EFD_NONBLOCK: 0o4000,
  POLLIN: 1,
  EPOLL_CLOEXEC: 0o2000000, EPOLL_CTL_ADD: 1, EPOLL_CTL_DEL: 2, EPOLL_CTL_MOD: 3, EPOLLIN: 1, EPOLLOUT: 4,
  RLIMIT_NOFILE: 7,
} as const;

/** linux/socket.h, asm-generic/socket.h, linux/in.h, linux/in6.h, linux/tcp.h, linux/if_packet.h */
export const SOCKET = {
  AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16, AF_PACKET: 17,
  SOCK_STREAM: 1, SOCK_DGRAM: 2, SOCK_RAW: 3, SOCK_NONBLOCK: 0o4000, SOCK_CLOEXEC: 0o2000000,
  SOL_SOCKET: 1, SO_REUSEADDR: 2, SO_RCVTIMEO: 20, SO_SNDBUFFORCE: 32, SO_RCVBUFFORCE: 33, SO_RCVBUF: 8, SO_ATTACH_FILTER: 26,
  SOL_NETLINK: 270, SOL_PACKET: 263, PACKET_ADD_MEMBERSHIP: 1, PACKET_MR_ALLMULTI: 2,
  IPPROTO_TCP: 6, IPPROTO_UDP: 17, IPPROTO_IPV6: 41, IPPROTO_SCTP: 132, IPPROTO_RAW: 255, IPV6_V6ONLY: 26,
  TCP_NODELAY: 1,
  MSG_DONTWAIT: 0x40, MSG_TRUNC: 0x20, MSG_NOSIGNAL: 0x4000,
} as const;

function check(result: number, what: string): number {
  if (result < 0) throw kernelError(koffi.errno(), what);
  return result;
}

/** The kernel's number of the calling thread. */
export const threadId = (): number => c.gettid();

/** Where this thread marks what it has open, if somebody wants to know: {@link markOpenFiles}. */
let openFiles: Uint8Array | undefined;

/**
 * From now on every descriptor that the calling thread opens here and has not closed has its byte set. Descriptors
 * belong to the process and outlive a thread that ends in the middle of its work. Those of {@link makeEventFd},
 * which two threads share, are not marked.
 */
export const markOpenFiles = (table: Uint8Array): void => void (openFiles = table);

function opened(fd: number): number {
  if (openFiles !== undefined && fd >= 0) openFiles[fd] = 1;
  return fd;
}

/** open(2), close-on-exec. @throws {NetworkError} KERNEL */
export const openFile = (path: string, flags: number = SYS.O_RDONLY, mode = 0): number =>
  opened(check(c.open(path, flags | SYS.O_CLOEXEC, mode), `open ${path}`));

/** close(2). The descriptor is gone whatever it says, so nothing is reported. */
export function closeFile(fd: number): void {
  // Before: a moment later another thread may have the number.
  if (openFiles !== undefined) openFiles[fd] = 0;
  c.close(fd);
}

/** read(2): the number of bytes. @throws {NetworkError} KERNEL */
export const readFile = (fd: number, to: Buffer, what: string): number => check(c.read(fd, to, to.length), what);

/** write(2): the number of bytes. @throws {NetworkError} KERNEL */
export const writeFile = (fd: number, from: Buffer, what: string): number => check(c.write(fd, from, from.length), what);

/** ioctl(2) with a Buffer in and out. @throws {NetworkError} KERNEL */
export const ioctl = (fd: number, request: number, argument: Buffer | null, what: string): number =>
  check(c.ioctl(fd, request, argument), what);

/** setns(2) of the calling thread. @throws {NetworkError} KERNEL */
export const setNetworkNamespace = (fd: number, what: string): void => void check(c.setns(fd, SYS.CLONE_NEWNET), `enter ${what}`);

/** unshare(CLONE_NEWNET) of the calling thread. @throws {NetworkError} KERNEL */
export const unshareNetwork = (): void => void check(c.unshare(SYS.CLONE_NEWNET), 'make a network namespace');

/** mount(2) without data. @throws {NetworkError} KERNEL */
export const mount = (source: string, target: string, flags: number): void =>
  void check(c.mount(source, target, 'none', flags, null), `mount ${target}`);

/** Gives the file behind a descriptor a name, which must be free (linkat(2), open(2) at O_TMPFILE). @throws {NetworkError} KERNEL with EEXIST for a taken one */
export const linkDescriptor = (fd: number, path: string): void =>
  void check(c.linkat(SYS.AT_FDCWD, `/proc/self/fd/${fd}`, SYS.AT_FDCWD, path, SYS.AT_SYMLINK_FOLLOW), `make ${path}`);

/** umount2(MNT_DETACH); false when nothing was mounted there. */
export const unmount = (target: string): boolean => c.umount2(target, SYS.MNT_DETACH) === 0;

/** A counter that wakes poll(2) when another thread writes eight bytes to it (eventfd(2)). */
export const makeEventFd = (): number => check(c.eventfd(0, SYS.EFD_CLOEXEC | SYS.EFD_NONBLOCK), 'eventfd');

/** socket(2), close-on-exec. @throws {NetworkError} KERNEL */
export const openSocketFd = (family: number, type: number, protocol: number, what: string): number =>
  opened(check(c.socket(family, type | SOCKET.SOCK_CLOEXEC, protocol), what));

/** bind(2). @throws {NetworkError} KERNEL */
export const bindSocket = (fd: number, address: Buffer, what: string): void => void check(c.bind(fd, address, address.length), what);

/** listen(2). @throws {NetworkError} KERNEL */
export const listenSocket = (fd: number, backlog: number, what: string): void => void check(c.listen(fd, backlog), what);

/** getsockname(2): the raw address. @throws {NetworkError} KERNEL */
export function socketName(fd: number): Buffer {
  const address = Buffer.alloc(128);
  const length = uint32(address.length);
  check(c.getsockname(fd, address, length), 'getsockname');
  return address.subarray(0, Math.min(length.readUInt32LE(0), address.length));
}

/** setsockopt(2) with an int or ready-made bytes. @throws {NetworkError} KERNEL */
export function setSocketOption(fd: number, level: number, option: number, value: number | Buffer, what: string): void {
  if (!trySocketOption(fd, level, option, value)) throw kernelError(koffi.errno(), what);
}

/** The same for an option that older kernels or callers without privileges go without: false when refused. */
export function trySocketOption(fd: number, level: number, option: number, value: number | Buffer): boolean {
  const bytes = typeof value === 'number' ? uint32(value) : value;
  return c.setsockopt(fd, level, option, bytes, bytes.length) === 0;
}

/** Lets only what a program of struct sock_filter passes come to a socket (linux/filter.h). @throws {NetworkError} KERNEL */
export function attachFilter(fd: number, program: Buffer, what: string): void {
  const fprog = Buffer.alloc(16);
  fprog.writeUInt16LE(program.length / 8);
  fprog.writeBigUInt64LE(koffi.address(program), 8);
  setSocketOption(fd, SOCKET.SOL_SOCKET, SOCKET.SO_ATTACH_FILTER, fprog, what);
}

/** sendto(2) of the first `length` bytes. @throws {NetworkError} KERNEL */
export const sendTo = (fd: number, data: Buffer, length: number, to: Buffer, what: string): number =>
  check(c.sendto(fd, data, Math.min(length, data.length), 0, to, to.length), what);

/** recvfrom(2): bytes of the datagram (more than fit, with MSG_TRUNC), or the negative errno. `from` is filled with the sender. */
export function receiveFrom(fd: number, data: Buffer, flags: number, from: Buffer): number {
  const result = c.recvfrom(fd, data, data.length, flags, from, uint32(from.length));
  return result < 0 ? -koffi.errno() : result;
}

/** The same without waiting: bytes sent, or the negative errno. */
export function trySendTo(fd: number, data: Buffer, length: number, to: Buffer, toLength: number): number {
  const result = c.sendto(fd, data, length, SOCKET.MSG_DONTWAIT | SOCKET.MSG_NOSIGNAL, to, toLength);
  return result < 0 ? -koffi.errno() : result;
}

/** connect(2): 0, or the negative errno; -EINPROGRESS is how a connection begins on a socket that does not block. */
export const connectSocket = (fd: number, address: Buffer): number => (c.connect(fd, address, address.length) < 0 ? -koffi.errno() : 0);

/** accept4(2), close-on-exec, not blocking: the descriptor, or the negative errno. `from` is filled with the sender. */
export function acceptSocket(fd: number, from: Buffer): number {
  const result = c.accept4(fd, from, uint32(from.length), SOCKET.SOCK_CLOEXEC | SOCKET.SOCK_NONBLOCK);
  return result < 0 ? -koffi.errno() : opened(result);
}

/** send(2) without waiting or SIGPIPE: how many of the first `length` bytes were sent, or the negative errno. */
export function trySend(fd: number, data: Buffer, length: number): number {
  const result = c.send(fd, data, length, SOCKET.MSG_DONTWAIT | SOCKET.MSG_NOSIGNAL);
  return result < 0 ? -koffi.errno() : result;
}

/** recv(2) without waiting, at most `length` bytes: how many (0 at the end), or the negative errno. */
export function tryReceive(fd: number, data: Buffer, length: number): number {
  const result = c.recv(fd, data, length, SOCKET.MSG_DONTWAIT);
  return result < 0 ? -koffi.errno() : result;
}

/**
 * recvmmsg(2) without waiting: how many of the `count` datagrams, or the negative errno.
 * @param headers as many struct mmsghdr, which point to memory that is there as long as they are
 */
export function receiveMany(fd: number, headers: Buffer, count: number): number {
  const result = c.recvmmsg(fd, headers, count, SOCKET.MSG_DONTWAIT, null);
  return result < 0 ? -koffi.errno() : result;
}

/** sendmmsg(2) without waiting: how many went before one that did not, or the negative errno of the first. */
export function sendMany(fd: number, headers: Buffer, count: number): number {
  const result = c.sendmmsg(fd, headers, count, SOCKET.MSG_DONTWAIT | SOCKET.MSG_NOSIGNAL);
  return result < 0 ? -koffi.errno() : result;
}

/** Where the bytes are in memory, for structures that point to each other. They stay there as long as somebody holds the buffer. */
export const memoryAddress = (bytes: Buffer): bigint => koffi.address(bytes);

/** epoll_create1(2). @throws {NetworkError} KERNEL */
export const makeEpoll = (): number => opened(check(c.epoll_create1(SYS.EPOLL_CLOEXEC), 'epoll_create1'));

/** epoll_ctl(2). @param event a struct epoll_event @throws {NetworkError} KERNEL */
export const controlEpoll = (epoll: number, operation: number, fd: number, event: Buffer): void =>
  void check(c.epoll_ctl(epoll, operation, fd, event), 'epoll_ctl');

/** epoll_wait(2): how many events were written; none after `timeout` ms or a signal. */
export const waitForEpoll = (epoll: number, events: Buffer, count: number, timeout: number): number =>
  Math.max(0, c.epoll_wait(epoll, events, count, timeout));

/** poll(2) for reading: those of the descriptors that have something. Endless with -1, else ms. */
export function pollReadable(fds: readonly number[], timeout: number): number[] {
  const set = Buffer.alloc(fds.length * 8);
  for (const [i, fd] of fds.entries()) {
    set.writeInt32LE(fd, i * 8);
    set.writeInt16LE(SYS.POLLIN, i * 8 + 4);
  }
  const ready = c.poll(set, fds.length, timeout);
  return ready <= 0 ? [] : fds.filter((_fd, i) => set.readUInt16LE(i * 8 + 6) !== 0);
}

/** asm-generic/unistd.h: the same on every machine. asm-generic/signal.h */
const PIDFD = { OPEN: 434, SEND_SIGNAL: 424, SIGKILL: 9 } as const;

/** pidfd_open(2): a descriptor that means this process for ever, readable when it has ended; undefined when there is none, or in Linux before 5.3. */
export function openProcess(pid: number): number | undefined {
  const fd = c.syscall(PIDFD.OPEN, pid, 0, null, 0);
  return fd < 0 ? undefined : fd;
}

/** pidfd_send_signal(2) with SIGKILL; one that has ended already is fine. */
export const killProcess = (fd: number): void => void c.syscall(PIDFD.SEND_SIGNAL, fd, PIDFD.SIGKILL, null, 0);

/** Soft and hard RLIMIT_NOFILE. */
export function openFileLimit(): { soft: bigint; hard: bigint } {
  const limit = Buffer.alloc(16);
  check(c.getrlimit(SYS.RLIMIT_NOFILE, limit), 'getrlimit');
  return { soft: limit.readBigUInt64LE(0), hard: limit.readBigUInt64LE(8) };
}

/** Sets both; false when the kernel refuses. */
export function setOpenFileLimit(soft: bigint, hard: bigint): boolean {
  const limit = Buffer.alloc(16);
  limit.writeBigUInt64LE(soft, 0);
  limit.writeBigUInt64LE(hard, 8);
  return c.setrlimit(SYS.RLIMIT_NOFILE, limit) === 0;
}

/** Address text to its 4 or 16 bytes; undefined when it is no address. */
export function addressBytes(text: string): Buffer | undefined {
  const family = text.includes(':') ? SOCKET.AF_INET6 : SOCKET.AF_INET;
  const bytes = Buffer.alloc(family === SOCKET.AF_INET ? 4 : 16);
  return c.inet_pton(family, text, bytes) === 1 ? bytes : undefined;
}

/** 4 or 16 bytes to canonical text (RFC 5952). */
export function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) throw new RangeError(`an address has 4 or 16 bytes, not ${bytes.length}`);
  return c.inet_ntop(SOCKET.AF_INET6, bytes, Buffer.alloc(64), 64) ?? '';
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

/** libnftables' context: opaque, only ever handed back. */
export type NftContext = object & { readonly nftContext: unique symbol };

/** The functions of libnftables.so.1 (nftables/libnftables.h). */
export interface NftFunctions {
  readonly create: (flags: number) => NftContext | null;
  readonly free: (context: NftContext) => void;
  readonly run: (context: NftContext, script: string) => number;
  readonly bufferOutput: (context: NftContext) => number;
  readonly bufferError: (context: NftContext) => number;
  readonly output: (context: NftContext) => string | null;
  readonly error: (context: NftContext) => string | null;
  readonly setOutputFlags: (context: NftContext, flags: number) => void;
}

/** Loads libnftables; undefined where it is not installed. */
export function loadNftables(): NftFunctions | undefined {
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load('libnftables.so.1');
  } catch {
    return undefined;
  }
  /* oxlint-disable typescript/no-unsafe-type-assertion -- as above */
  return {
    create: library.func('void* nft_ctx_new(uint32_t)') as NftFunctions['create'],
    free: library.func('void nft_ctx_free(void*)') as NftFunctions['free'],
    run: library.func('int nft_run_cmd_from_buffer(void*, const char*)') as NftFunctions['run'],
    bufferOutput: library.func('int nft_ctx_buffer_output(void*)') as NftFunctions['bufferOutput'],
    bufferError: library.func('int nft_ctx_buffer_error(void*)') as NftFunctions['bufferError'],
    output: library.func('const char* nft_ctx_get_output_buffer(void*)') as NftFunctions['output'],
    error: library.func('const char* nft_ctx_get_error_buffer(void*)') as NftFunctions['error'],
    setOutputFlags: library.func('void nft_ctx_output_set_flags(void*, uint32_t)') as NftFunctions['setOutputFlags'],
  };
  /* oxlint-enable typescript/no-unsafe-type-assertion */
}
