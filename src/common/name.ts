import { NetworkError } from './error.ts';
import { quote } from './quote.ts';

/** Docker's rule; it starts with a letter or digit, so it is never `.`, `..` or an option. */
const OBJECT = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/;

/**
 * Narrower than dev_valid_name() in net/core/dev.c, because a link's name is also written into
 * rules: `*` ends a wildcard in nft, `+` in iptables, `%` is a template to the kernel, and a
 * leading dash an option to every tool.
 */
const INTERFACE = /^[a-zA-Z0-9_.@][a-zA-Z0-9_.@-]{0,14}$/;

/** Directories of /proc/sys/net/ipv4/conf that are no link: the kernel refuses links of that name. */
const NO_LINK = new Set(['.', '..', 'all', 'default']);

const LABEL = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/;

function refuse(what: string, name: string, rule: string): never {
  throw new NetworkError('INVALID', `${what} ${quote(name)} is not allowed: ${rule}`);
}

const OBJECT_RULE = "use 1 to 64 letters, digits, '_', '.' and '-', the first a letter or digit";

/**
 * The name itself, if a network may have it.
 * @throws {NetworkError} INVALID
 */
export function requireNetworkName(name: string): string {
  return OBJECT.test(name) ? name : refuse('network name', name, OBJECT_RULE);
}

/**
 * The name itself, if a sandbox may have it. It also names a file in /run/netns.
 * @throws {NetworkError} INVALID
 */
export function requireSandboxName(name: string): string {
  return OBJECT.test(name) ? name : refuse('sandbox name', name, OBJECT_RULE);
}

/**
 * The name itself, if a cable may have it: what users call a link, and not one of the kernel's.
 * @throws {NetworkError} INVALID
 */
export function requireCableName(name: string): string {
  return OBJECT.test(name) ? name : refuse('link name', name, OBJECT_RULE);
}

/**
 * The name itself, if a link may have it; `what` calls it by its role in the message (`bridge name`).
 * @throws {NetworkError} INVALID
 */
export function requireInterfaceName(name: string, what = 'interface name'): string {
  if (NO_LINK.has(name)) return refuse(what, name, 'it is reserved');
  return INTERFACE.test(name)
    ? name
    : refuse(what, name, "use 1 to 15 letters, digits, '_', '.', '@' and '-', the first no '-'");
}

/**
 * The name itself, if a host may have it (RFC 1123 §2.1): dotted labels, 253 characters in all.
 * @throws {NetworkError} INVALID
 */
export function requireHostname(name: string): string {
  const good = name.length <= 253 && name.split('.').every((label) => LABEL.test(label));
  return good
    ? name
    : refuse('host name', name, "use labels of 1 to 63 letters, digits and inner '-', joined by dots, 253 characters at most");
}
