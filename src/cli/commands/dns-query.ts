import type { Command } from 'commander';
import { queryName } from '../../api/calls.ts';
import { NetworkError } from '../../common/error.ts';
import { addFormat, printJson, type Format } from '../format.ts';
import { defined } from '../option-values.ts';
import { print } from '../output.ts';
import { openSession } from '../session.ts';
import { formatTable } from '../table.ts';

interface Options {
  readonly format: Format;
  readonly sandbox?: string;
  readonly network?: string;
}

const EXAMPLES = `
Exit code: 0 for an answer, 1 for none (NXDOMAIN, SERVFAIL …).

Examples:
  netctl dns query --sandbox client web
  netctl dns query --network blue _80._tcp.web srv
  netctl dns query 10.9.0.2`;

/** `netctl dns query` */
export function dnsQuery(command: Command): void {
  addFormat(command, 'table')
    .argument('<name>', 'a name, or an address, which is asked for its name')
    .argument('[type]', 'A, AAAA, SRV, MX, TXT, …, or TYPE and its number (default: A)')
    .option('--sandbox <sandbox>', 'ask as this sandbox does')
    .option('--network <network>', 'ask as a member of this network (default: of all)')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, type: string | undefined, { format, sandbox, network }: Options, self: Command) => {
      if (sandbox !== undefined && network !== undefined) throw new NetworkError('INVALID', '--sandbox and --network say whose question it is: give one of them');
      const answer = await openSession(self).ask(queryName(defined({ name, type, sandbox, network })));
      const { rcode, flags, answers, milliseconds, transport } = answer;
      if (rcode !== 'NOERROR') process.exitCode = 1;
      if (format === 'json') return printJson(answer);
      print(`${rcode} (${flags.join(' ')}) by ${transport} in ${milliseconds.toFixed(1)} ms${answers.length === 0 ? ', no records' : ''}`);
      if (answers.length > 0) print(...formatTable(['NAME', 'TTL', 'TYPE', 'DATA'], answers.map((record) => [record.name, String(record.ttl), record.type, record.data])));
    });
}
