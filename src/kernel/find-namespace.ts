import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { FoundNamespace } from './kernel.ts';
import { Channel } from './netlink/channel.ts';
import { findLink } from './netlink/link-messages.ts';
import { parseLink } from './netlink/snapshot.ts';
import { identityOf } from './netns.ts';
import type { NamespaceHandle, Namespaces } from './netns.ts';
import type { NamespacePath } from './op.ts';

/** Bytes; a link's alias is no longer (IFALIASZ in linux/if.h). */
const LONGEST_LABEL = 256;

/**
 * What stands at a path where a network namespace may be; undefined when nothing does.
 * @throws {NetworkError} KERNEL when a namespace may not be entered
 */
export function findNamespace(namespaces: Namespaces, path: NamespacePath): FoundNamespace | undefined {
  const namespace = namespaces.open(path);
  if (namespace === undefined) return findFile(path);
  return { path, identity: identityOf(namespace), label: aliasOfLoopback(namespaces, namespace) };
}

function aliasOfLoopback(namespaces: Namespaces, namespace: NamespaceHandle): string | undefined {
  using channel = Channel.open(namespaces, namespace);
  const [answer] = channel.socket.transact([findLink('lo')]);
  return answer?.reply === undefined ? undefined : parseLink(answer.reply, new Map()).alias;
}

/** What is no file, as a folder, belongs to somebody, but not to us. */
function findFile(path: string): FoundNamespace | undefined {
  let file: number;
  try {
    // Without O_NONBLOCK a path that is a pipe would block for ever.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const bytes = Buffer.alloc(LONGEST_LABEL);
    const label = fstatSync(file).isFile() ? bytes.toString('utf8', 0, readSync(file, bytes)) : '';
    return { path, identity: undefined, label: label === '' ? undefined : label };
  } finally {
    closeSync(file);
  }
}
