import { opCommands } from './op-commands.ts';
import type { Command } from './op-commands.ts';
import type { Op } from './op.ts';
import { hereDocument, shellQuote } from './shell-quote.ts';

/** On a machine of its own, process 1 stands in the host's namespace. */
const PLACE = { host: '1' };

/**
 * The shell commands that operations amount to, one string for each: several commands are joined by
 * `&&` where one needs the other, what a program reads stands in a here-document. Typed into a root shell they do the same.
 * @throws {NetworkError} INVALID for what no operation may hold
 */
export function explain(ops: readonly Op[]): string[] {
  return ops.map((op) => {
    const commands = opCommands(op, PLACE).map(commandLine);
    // conntrack and a link group fail when there is nothing to delete, and few machines have arping and ndsend: nothing depends on them.
    if (op.op === 'conntrack-flush' || op.op === 'link-group-delete' || op.op === 'announce' || op.op === 'address-probe') return commands.map((command) => `${command} || :`).join('\n');
    return commands.join(' && ');
  });
}

function commandLine({ words, input }: Command): string {
  const line = words.map(shellQuote).join(' ');
  return input === undefined ? line : `${line} ${hereDocument(input)}`;
}
