import { randomBytes, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { NetworkError } from '../../common/error.ts';
import { oneLine, quote } from '../../common/quote.ts';
import type { SharedStore } from '../shared-store.ts';
import { systemClock, type Clock } from './clock.ts';
import { EtcdStore } from './etcd-store.ts';
import { Gateway } from './gateway.ts';
import { Health } from './health.ts';
import { identify, Identity } from './identity.ts';
import { KeySpace } from './key-space.ts';
import { checkOptions, type EtcdOptions, type EtcdTls } from './options.ts';
import { Wire, type Credentials } from './wire.ts';

/** Time and chance. */
export interface EtcdSurroundings {
  readonly clock: Clock;
  /** Gives numbers from 0 up to 1. */
  readonly random: () => number;
}

const MACHINE: EtcdSurroundings = { clock: systemClock, random: Math.random };

/**
 * Opens the store of a cluster, and makes it where there is none. Which one it is, is asked for at once, unless `cluster` and
 * `instance` say it: then it opens even while no server answers.
 *
 * @throws {NetworkError} INVALID for options that cannot be meant; UNAVAILABLE with what each server said; FORBIDDEN for a
 * wrong password; CORRUPT when it is not the store it must be; ABORTED
 */
export async function openEtcdStore(options: EtcdOptions, signal?: AbortSignal, { clock, random }: EtcdSurroundings = MACHINE): Promise<SharedStore> {
  const checked = checkOptions(options);
  const { prefix, requestTimeout, instance, cluster } = checked;
  const wire = new Wire(await readCredentials(checked.tls), requestTimeout);
  const health = new Health(clock);
  const gateway = new Gateway(checked, wire, health, clock, random);
  const keys = new KeySpace(prefix);
  const isKnown = instance !== undefined && cluster !== undefined;
  const abort = (): void => gateway[Symbol.dispose]();
  signal?.addEventListener('abort', abort);
  try {
    if (signal?.aborted === true) throw aborted();
    const identity = isKnown ? new Identity(keys, instance) : await identify(gateway, keys, instance, randomBytes(4).toString('hex'));
    return new EtcdStore({ gateway, keys, identity, health, clock, random, timeout: requestTimeout });
  } catch (error) {
    gateway[Symbol.dispose]();
    throw signal?.aborted === true ? aborted() : error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

async function readCredentials({ ca, certificate, key }: EtcdTls = {}): Promise<Credentials> {
  const credentials = {
    ...(ca === undefined ? {} : { ca: await readPem('ca', ca) }),
    ...(certificate === undefined ? {} : { cert: await readPem('certificate', certificate) }),
    ...(key === undefined ? {} : { key: await readPem('key', key) }),
  };
  try {
    // a CA that cannot be read is none for node:tls, without a word
    void [credentials.ca, credentials.cert].map((pem) => pem && new X509Certificate(pem));
    createSecureContext(credentials);
    return credentials;
  } catch (cause) {
    const reason = cause instanceof Error ? oneLine(cause.message) : 'unknown';
    throw new NetworkError('INVALID', `etcd certificates cannot be used (${reason}): are the files what they should be, and is it the key of that certificate?`, { cause });
  }
}

async function readPem(what: string, path: string): Promise<string> {
  const pem = await readFile(path, 'utf8').catch((cause: unknown) => {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw new NetworkError('INVALID', `etcd ${what} file ${quote(path)} cannot be read: ${reason}; correct its path, or its rights`, { cause });
  });
  if (pem.includes('-----BEGIN ')) return pem;
  throw new NetworkError('INVALID', `etcd ${what} file ${quote(path)} is no PEM file; convert it with openssl`);
}

function aborted(): NetworkError {
  return new NetworkError('ABORTED', 'the store of the cluster was not opened because the caller gave up');
}
