import { NetworkError } from '../../common/error.ts';
import { addressBytes, SOCKET } from '../sys.ts';

/** An address as netlink wants it. */
export interface RawAddress {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  readonly bytes: Buffer;
}

/** An address with its prefix length. */
export interface RawPrefix extends RawAddress {
  readonly prefix: number;
}

/** `10.0.0.1` or `fd00::1`. @throws {NetworkError} INVALID */
export function parseAddress(text: string): RawAddress {
  const bytes = addressBytes(text);
  if (bytes === undefined) throw new NetworkError('INVALID', `'${text}' is no IP address`);
  return { family: bytes.length === 4 ? SOCKET.AF_INET : SOCKET.AF_INET6, bytes };
}

/** `10.0.0.1/24`. @throws {NetworkError} INVALID */
export function parsePrefix(text: string): RawPrefix {
  const [address = '', length = ''] = text.split('/', 2);
  const raw = parseAddress(address);
  const prefix = /^\d{1,3}$/u.test(length) ? Number(length) : -1;
  if (prefix < 0 || prefix > raw.bytes.length * 8) throw new NetworkError('INVALID', `'${text}' is no address in CIDR form such as 10.0.0.1/24`);
  return { ...raw, prefix };
}

/** `02:42:ac:11:00:02` to its six bytes. @throws {NetworkError} INVALID */
export function parseMac(text: string): Buffer {
  if (!/^[\da-f]{2}(:[\da-f]{2}){5}$/iu.test(text)) throw new NetworkError('INVALID', `'${text}' is no MAC address such as 02:42:ac:11:00:02`);
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}

/** Bytes to `02:42:ac:11:00:02`. */
export function macText(bytes: Buffer): string {
  return bytes.toString('hex').replaceAll(/..(?!$)/gu, '$&:');
}

/** The name itself. @throws {NetworkError} INVALID for what the kernel would not take, or would take for something else (dev_valid_name) */
export function linkName(name: string): string {
  if (!/^[^/:\s\0]+$/u.test(name) || Buffer.byteLength(name) > 15 || name === '.' || name === '..') {
    throw new NetworkError('INVALID', `interface name ${JSON.stringify(name)} must be 1 to 15 bytes without '/', ':' and white space`);
  }
  return name;
}
