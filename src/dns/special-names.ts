/** Names that mean the same wherever they are asked for, and are never asked for outside. */
import { parseAddress } from '../common/address.ts';
import { Answers } from './answers.ts';
import { NameTable } from './name-table.ts';
import { encodeName, keyOfText, knownName } from './name.ts';
import { prefixOf, reverseName } from './reverse-name.ts';
import type { Prefix } from './reverse-name.ts';

/** It and all below it are this very sandbox (RFC 6761 §6.3). */
export const LOCALHOST: Uint8Array = knownName('localhost');

/** Names that this program makes up. */
export const OWN_DOMAIN: Uint8Array = knownName('netctl.internal');

/** The host, as seen from a network. */
export const HOST_NAME: Uint8Array = knownName('host.netctl.internal');

/** Whether no endpoint may have a name: a neighbour called `localhost` would get what others meant for themselves. */
export function isReserved(name: string): boolean {
  return /(^|\.)(localhost|netctl\.internal)\.?$/i.test(name);
}

/** Whether an endpoint is found by a name: messages can carry it, and it is not {@link isReserved}. */
export function isFound(name: string): boolean {
  return !isReserved(name) && encodeName(name) !== undefined;
}

const LOOPBACK = ['127.0.0.1', '::1'].map(parseAddress);

/** What {@link LOCALHOST} leads to. */
export const LOCALHOST_ANSWERS: Answers = Answers.to(LOOPBACK);

/** Addresses that have a name everywhere. */
export const REVERSE_ANSWERS: NameTable<Answers> = new NameTable();
for (const address of LOOPBACK) REVERSE_ANSWERS.set(keyOfText(reverseName(address)) ?? '', Answers.back(LOCALHOST));

/** Addresses that mean something on one machine or link only: nobody outside knows their names (RFC 6303 §4.2–4.5). */
export const LOCAL_SUBNETS: readonly Prefix[] = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '255.255.255.255/32', '::/128', '::1/128', 'fe80::/10'].map(prefixOf);
