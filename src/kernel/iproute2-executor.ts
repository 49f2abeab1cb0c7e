import { stat } from 'node:fs/promises';
import { NetworkError } from '../common/error.ts';
import { ERRNO, errnoOfWords, errnoSymbol, kernelError } from './errno.ts';
import { distantParent, interimName } from './interim-name.ts';
import { linkRefusal } from './link-refusal.ts';
import { opCommands } from './op-commands.ts';
import type { Command } from './op-commands.ts';
import { HOST } from './op.ts';
import type { NamespacePath, Op } from './op.ts';
import { opWords } from './op-words.ts';
import { complaint, runProgram } from './programs.ts';
import type { ProgramOptions } from './programs.ts';

/** What ip, bridge and sysctl say when there is nothing to delete. */
const MISSING = /Cannot find (?:bridge )?device|does not exist|No such (?:process|device|file or directory)|Cannot assign requested address|[Aa]ddress not found/u;

/** What bridge says of the entries of a link that is no port of a bridge any more. */
const NO_PORT = /Operation not supported|Invalid argument/u;

/**
 * Carries out an operation on links, addresses, routes or sysctls with the programs of
 * iproute2, a spawn for each command: slow, but what a person would do by hand.
 * @throws {NetworkError} as the netlink executor: KERNEL with the program's text, NOT_FOUND, EXISTS, INVALID; UNSUPPORTED for a missing program
 */
export async function runIproute2(op: Op, options: Pick<ProgramOptions, 'onStart'> = {}): Promise<void> {
  const commands = opCommands(op, { host: `/proc/${process.pid}/ns/net` });
  const deletes = op.op.endsWith('-delete') || op.op === 'address-flush';
  for (const namespace of namespacesOf(op)) {
    if (await exists(namespace)) continue;
    if (deletes) return;
    throw new NetworkError('NOT_FOUND', `there is no network namespace at ${namespace}; \`ip netns list\` shows the named ones`);
  }
  try {
    for (const command of commands) await run(op, command, deletes, options);
  } catch (error) {
    if (op.op !== 'link-add') throw error;
    if (distantParent(op) !== undefined) await runIproute2({ op: 'link-delete', namespace: op.namespace, name: interimName(op) }, options);
    throw linkRefusal(error, op);
  }
}

async function run(op: Op, { words, input = '' }: Command, deletes: boolean, options: Pick<ProgramOptions, 'onStart'>): Promise<void> {
  const [program = '', ...args] = words;
  const result = await runProgram(program, args, { ...options, input });
  if (result === undefined) throw new NetworkError('UNSUPPORTED', `${opWords(op)}: ${program} is not installed`);
  // sysctl reports what it could not write and exits with 0 when it was asked to be lenient.
  if (result.exitCode === 0 && !(op.op === 'sysctl-set' && result.stderr.includes('setting key'))) return;
  const text = complaint(result);
  if (deletes && (MISSING.test(text) || (op.op === 'fdb-delete' && NO_PORT.test(text)))) return;
  if (/Cannot find (?:bridge )?device|Device does not exist/u.test(text)) throw kernelError(ERRNO.ENODEV, opWords(op), text);
  const errno = errnoOfWords(text);
  throw new NetworkError('KERNEL', `${opWords(op)}: ${text}`, errno === undefined ? {} : { kernel: { errno, symbol: errnoSymbol(errno), text } });
}

function namespacesOf(op: Op): NamespacePath[] {
  const all = 'namespace' in op ? [op.namespace] : [];
  if (op.op === 'link-add' && op.kind.type === 'veth') all.push(op.kind.peer.namespace);
  if (op.op === 'link-add' && 'parent' in op.kind) all.push(op.kind.parent.namespace);
  if (op.op === 'link-set' && op.moveTo !== undefined) all.push(op.moveTo);
  return all.filter((path) => path !== HOST);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false);
}
