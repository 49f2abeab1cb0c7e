import { closeSync, openSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { constants } from 'node:os';
import koffi from 'koffi';
import type { Proto } from './agent-protocol.ts';

const libc = koffi.load('libc.so.6');
const setns = libc.func('int setns(int fd, int nstype)');
const socket = libc.func('int socket(int domain, int type, int protocol)');
const bind = libc.func('int bind(int fd, const uint8_t *address, uint32_t length)');

/** Values of asm-generic/socket.h, linux/in.h and linux/sched.h. */
const SOCKET = { AF_INET: 2, AF_INET6: 10, SOCK_STREAM: 1, SOCK_DGRAM: 2, SOCK_NONBLOCK: 0x800, SOCK_CLOEXEC: 0x80000, IPPROTO_SCTP: 132, CLONE_NEWNET: 0x40000000 } as const;

const home = openSync('/proc/self/ns/net', 'r');

/** What a socket is to be. */
export interface SocketWish {
  readonly proto: Proto;
  /** Path of the network namespace; the agent's own unless told. */
  readonly network?: string;
  /** An address of the family that is wanted. */
  readonly family: string;
  /** Where to bind it, if anywhere; port 0 lets the kernel choose. */
  readonly bind?: { readonly address: string; readonly port: number };
}

/**
 * A socket in any network namespace of the host, as a descriptor: a socket belongs to the namespace
 * in which its thread was when it was made.
 *
 * @throws Error whose message is the symbol of the error, e.g. `EADDRINUSE`
 */
export function openSocket(wish: SocketWish): number {
  const domain = isIPv6(wish.family) ? SOCKET.AF_INET6 : SOCKET.AF_INET;
  const type = (wish.proto === 'udp' ? SOCKET.SOCK_DGRAM : SOCKET.SOCK_STREAM) | SOCKET.SOCK_NONBLOCK | SOCKET.SOCK_CLOEXEC;
  const fd = within(wish.network, () => checked(socket(domain, type, wish.proto === 'sctp' ? SOCKET.IPPROTO_SCTP : 0) as number));
  try {
    if (wish.bind !== undefined) {
      const address = socketAddress(wish.bind.address, wish.bind.port);
      checked(bind(fd, address, address.length) as number);
    }
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function within<T>(network: string | undefined, action: () => T): T {
  if (network === undefined) return action();
  const there = openSync(network, 'r');
  try {
    checked(setns(there, SOCKET.CLONE_NEWNET) as number);
    return action();
  } finally {
    setns(home, SOCKET.CLONE_NEWNET);
    closeSync(there);
  }
}

function checked(result: number): number {
  if (result >= 0) return result;
  const errno = koffi.errno();
  throw new Error(Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${String(errno)}`);
}

/** struct sockaddr_in or sockaddr_in6 (netinet/in.h). */
function socketAddress(address: string, port: number): Uint8Array {
  const six = isIPv6(address);
  const bytes = new Uint8Array(six ? 28 : 16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, six ? SOCKET.AF_INET6 : SOCKET.AF_INET, true);
  view.setUint16(2, port);
  if (six) bytes.set(groups(address), 8);
  else bytes.set(address.split('.').map(Number), 4);
  return bytes;
}

function groups(address: string): Uint8Array {
  // a URL writes every IPv6 address in its canonical form
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const before = numbers(head);
  const after = numbers(tail ?? '');
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 255]));
}

function numbers(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
