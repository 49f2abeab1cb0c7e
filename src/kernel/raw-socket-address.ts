import { NetworkError } from '../common/error.ts';
import { addressBytes, addressText, SOCKET } from './sys.ts';

/** struct sockaddr_in or sockaddr_in6 (linux/in.h, linux/in6.h). @throws {NetworkError} INVALID */
export function rawSocketAddress(address: string, port: number): Buffer {
  const bytes = addressBytes(address);
  if (bytes === undefined) throw new NetworkError('INVALID', `'${address}' is no IP address`);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new NetworkError('INVALID', `port ${port} is not between 0 and 65535`);
  const four = bytes.length === 4;
  const raw = Buffer.alloc(four ? 16 : 28);
  raw.writeUInt16LE(four ? SOCKET.AF_INET : SOCKET.AF_INET6);
  raw.writeUInt16BE(port, 2);
  raw.set(bytes, four ? 4 : 8);
  return raw;
}

/** The port in such a structure. */
export function rawSocketPort(raw: Buffer): number {
  return raw.readUInt16BE(2);
}

/** `10.0.0.1:80` or `[fd00::1]:80`. */
export function socketAddressText(address: string, port: number): string {
  const bytes = addressBytes(address);
  const text = bytes === undefined ? address : addressText(bytes);
  return text.includes(':') ? `[${text}]:${port}` : `${text}:${port}`;
}
