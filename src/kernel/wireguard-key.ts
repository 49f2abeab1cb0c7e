import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import * as fs from 'node:fs';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';

/** What stands before the 32 bytes of an X25519 key in DER (RFC 8410 §7). */
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const KEY_BYTES = 32;

/** Permissions of anybody but the owner. */
const OTHERS = 0o077;

/**
 * The public key of the private one in a file, base64; the file is made (0600) where there is none: `wg genkey`, `wg pubkey`.
 * @throws {NetworkError} FORBIDDEN for a file that others may read, CORRUPT for one that holds no key, UNAVAILABLE
 */
export function requireKeyFile(path: string): string {
  if (fs.statSync(path, { throwIfNoEntry: false }) === undefined) makeKeyFile(path);
  return publicKeyOf(readKeyFile(path));
}

/** The 32 bytes of the private key in a file. @throws as {@link requireKeyFile}; NOT_FOUND */
export function readKeyFile(path: string): Buffer {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new NetworkError('NOT_FOUND', `the private key ${quote(path)} is gone: restart the daemon, and a new one is made`);
  if ((stat.mode & OTHERS) !== 0) {
    throw new NetworkError('FORBIDDEN', `the private key ${quote(path)} has the mode ${(stat.mode & 0o777).toString(8)}, so others may know it: delete it and restart the daemon, and a new one is made`);
  }
  const key = Buffer.from(fs.readFileSync(path, 'latin1').trim(), 'base64');
  if (key.length === KEY_BYTES) return key;
  throw new NetworkError('CORRUPT', `${quote(path)} holds no WireGuard key: delete it and restart the daemon, and a new one is made`);
}

/** Base64. */
export function publicKeyOf(privateKey: Buffer): string {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, privateKey]), format: 'der', type: 'pkcs8' });
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES).toString('base64');
}

/** It gets its name when it is complete. */
function makeKeyFile(path: string): void {
  const key = generateKeyPairSync('x25519').privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-KEY_BYTES);
  const draft = `${path}.new`;
  try {
    fs.rmSync(draft, { force: true });
    const file = fs.openSync(draft, 'wx', 0o600);
    try {
      fs.writeSync(file, `${key.toString('base64')}\n`);
      fs.fsyncSync(file);
    } finally {
      fs.closeSync(file);
    }
    fs.renameSync(draft, path);
  } catch (error) {
    throw new NetworkError('UNAVAILABLE', `the private key ${quote(path)} cannot be written (${(error as Error).message}): mend the state folder or choose another`, { cause: error });
  }
}
