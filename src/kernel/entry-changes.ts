import { ERRNO, kernelError } from './errno.ts';
import type { Channel } from './netlink/channel.ts';
import { changeEntry } from './netlink/neighbour-messages.ts';
import type { Refusal } from './netlink/netlink-socket.ts';
import { opWords } from './op-words.ts';
import type { EntryChange, Op } from './op.ts';

/** Operations on entries that go in one send: all acknowledgements have to fit into the receive buffer. */
const LONGEST_SEND = 256;

const KINDS: ReadonlySet<Op['op']> = new Set<EntryChange['op']>(['fdb-add', 'fdb-delete', 'neighbour-add', 'neighbour-delete']);

/** Whether an operation changes an entry of a table. */
export function isEntryChange(op: Op): op is EntryChange {
  return KINDS.has(op.op);
}

/** The operations from a place on that change entries in one namespace, as many as go in one send. */
export function entryChanges(ops: readonly Op[], from: number): EntryChange[] {
  const found: EntryChange[] = [];
  for (const op of ops.slice(from, from + LONGEST_SEND)) {
    if (!isEntryChange(op) || (found[0] ?? op).namespace !== op.namespace) break;
    found.push(op);
  }
  return found;
}

/**
 * Carries them out in one send. The kernel goes on behind one that it refuses; entries do not depend on each other.
 * @throws {NetworkError} KERNEL naming the first that was refused, INVALID
 */
export function changeEntries(channel: Channel, ops: readonly EntryChange[]): void {
  const sent: EntryChange[] = [];
  const requests = ops.flatMap((op) => {
    const index = channel.findIndex(op.link);
    if (index === undefined && isDeletion(op)) return [];
    if (index === undefined) throw kernelError(ERRNO.ENODEV, `${opWords(op)}: there is no link '${op.link}'`);
    sent.push(op);
    return [changeEntry(index, op)];
  });
  if (requests.length === 0) return;
  for (const [i, { refusal }] of channel.socket.transact(requests).entries()) {
    const op = sent[i];
    if (op !== undefined && refusal !== undefined && !isMissing(op, refusal)) throw kernelError(refusal.errno, opWords(op), refusal.text);
  }
}

/** Nothing to delete. Of a link that is no bridge port any more, kernels say it in different ways. */
function isMissing(op: EntryChange, { errno }: Refusal): boolean {
  if (!isDeletion(op)) return false;
  return errno === ERRNO.ENOENT || errno === ERRNO.ENODEV || ('master' in op && (errno === ERRNO.EOPNOTSUPP || errno === ERRNO.EINVAL));
}

/** Whether an operation takes an entry away. */
export function isDeletion({ op }: Pick<EntryChange, 'op'>): boolean {
  return op === 'fdb-delete' || op === 'neighbour-delete';
}
