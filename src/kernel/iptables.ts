import { readFile } from 'node:fs/promises';
import { NetworkError } from '../common/error.ts';
import type { IptablesFamily, IptablesRestore, IptablesVariant } from './firewall-command.ts';
import { complaint, runProgram } from './programs.ts';
import type { ProgramOptions } from './programs.ts';

/** Without this an xtables lock held elsewhere for long would hold us for ever, in seconds. */
const LOCK_WAIT = 20;

/**
 * Applies a batch: `iptables-restore --noflush -w`. One that is optional may be refused.
 * @throws {NetworkError} KERNEL with the program's text, UNSUPPORTED when the program is missing
 */
export async function restoreIptables(op: IptablesRestore, options: Pick<ProgramOptions, 'onStart'> = {}): Promise<void> {
  const program = iptablesProgram(op.family, op.variant, 'restore');
  // ebtables knows no lock of its own
  const args = op.family === 'bridge' ? ['--noflush'] : ['--noflush', '-w', String(LOCK_WAIT)];
  const result = await runProgram(program, args, { ...options, input: op.batch });
  if (result === undefined) throw new NetworkError('UNSUPPORTED', `${program} is not installed: install iptables, or choose --firewall nft`);
  if (result.exitCode === 0 || op.optional === true) return;
  const text = complaint(result);
  const line = /line:? (\d+)/u.exec(`${result.stderr}`)?.[1];
  const source = line === undefined ? undefined : op.batch.split('\n')[Number(line) - 1];
  throw new NetworkError('KERNEL', `${program} refused the rules: ${text}${source === undefined ? '' : ` in \`${source}\``}`);
}

/** What {@link iptablesSave} can be told. */
export interface IptablesSaveOptions {
  /** `filter`, `nat`, …; all that are there unless told. */
  readonly table?: string;
  /** The caller knows that the table is there: nobody has to look. */
  readonly there?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * `iptables-save [-t TABLE]`. For one table looks first whether it exists, because the program would
 * create it and with it hooks that every packet then passes.
 * @returns its text; undefined when the program is missing or there is no such table
 * @throws {NetworkError} KERNEL with the program's text, ABORTED
 */
export async function iptablesSave(family: IptablesFamily, variant: IptablesVariant, { table, there = false, signal }: IptablesSaveOptions = {}): Promise<string | undefined> {
  if (table !== undefined && !there && !(await hasTable(family, variant, table, signal))) return undefined;
  const program = iptablesProgram(family, variant, 'save');
  // ebtables-save takes no table and prints all that are there
  const result = await runProgram(program, table === undefined || family === 'bridge' ? [] : ['-t', table], { signal });
  if (result === undefined) return undefined;
  if (result.exitCode !== 0) throw new NetworkError('KERNEL', `${program}${table === undefined ? '' : `, table ${table}`}: ${complaint(result)}`);
  return result.stdout;
}

const PROGRAMS = { 4: 'iptables', 6: 'ip6tables', bridge: 'ebtables' } as const;
const NFT_FAMILIES = { 4: 'ip', 6: 'ip6', bridge: 'bridge' } as const;

/** `iptables-nft-restore`, `ip6tables-save`, `ebtables-restore` … */
export function iptablesProgram(family: IptablesFamily, variant: IptablesVariant, verb: 'restore' | 'save'): string {
  return `${PROGRAMS[family]}${variant === 'default' ? '' : `-${variant}`}-${verb}`;
}

async function hasTable(family: IptablesFamily, variant: IptablesVariant, table: string, signal: AbortSignal | undefined): Promise<boolean> {
  const backend = variant === 'default' ? await defaultVariant(family, signal) : variant;
  if (backend === undefined) return false;
  return backend === 'nft' ? hasNftTable(family, table, signal) : hasLegacyTable(family, table);
}

/** What plain `iptables` is on this machine: `iptables v1.8.9 (nf_tables)`, `(legacy)`, or before 1.8 nothing in brackets. */
async function defaultVariant(family: IptablesFamily, signal: AbortSignal | undefined): Promise<'nft' | 'legacy' | undefined> {
  const result = await runProgram(PROGRAMS[family], ['--version'], { signal });
  if (result === undefined || result.exitCode !== 0) return undefined;
  return result.stdout.includes('nf_tables') ? 'nft' : 'legacy';
}

async function hasNftTable(family: IptablesFamily, table: string, signal: AbortSignal | undefined): Promise<boolean> {
  const result = await runProgram('nft', ['list', 'tables', NFT_FAMILIES[family]], { signal });
  // Without nft there is no way to look; reading an empty table is the lesser harm.
  return result === undefined || result.stdout.split('\n').includes(`table ${NFT_FAMILIES[family]} ${table}`);
}

async function hasLegacyTable(family: IptablesFamily, table: string): Promise<boolean> {
  if (family === 'bridge') return true; // the kernel lists none; ebtables-save of legacy prints those that are loaded
  const names = await readFile(family === 6 ? '/proc/self/net/ip6_tables_names' : '/proc/self/net/ip_tables_names', 'utf8').catch(() => '');
  return names.split('\n').includes(table);
}
