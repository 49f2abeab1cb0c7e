import { iptablesProgram, type iptablesSave } from '../../src/kernel/iptables.ts';
import type { Op } from '../../src/kernel/op.ts';
import { addressOf, type FirewallLab } from './firewall-lab.ts';

/** Carries out firewall operations in the lab by the programs themselves. */
export function applyOps(lab: FirewallLab, ops: readonly Op[]): void {
  for (const op of ops) {
    if (op.op === 'nft') lab.host('nft', ['-f', '-'], op.script);
    else if (op.op === 'iptables-restore') lab.host(iptablesProgram(op.family, op.variant, 'restore'), ['--noflush', ...(op.family === 'bridge' ? [] : ['-w'])], op.batch);
    else throw new Error(`not a firewall operation: ${op.op}`);
  }
}

/** {@link iptablesSave} in the lab. */
export function labSave(lab: FirewallLab): typeof iptablesSave {
  return async (family, variant, table) => {
    const ip = family === 'bridge' ? 'bridge' : family === 6 ? 'ip6' : 'ip';
    const there = variant === 'legacy' ? lab.host('cat', [`/proc/net/${ip}_tables_names`]) : lab.host('nft', ['list', 'tables', ip]);
    const name = variant === 'legacy' ? table : `table ${ip} ${table}`;
    if (!there.split('\n').includes(name)) return undefined;
    return lab.host(iptablesProgram(family, variant, 'save'), family === 'bridge' ? [] : ['-t', table]);
  };
}

/**
 * Every rule and chain that somebody made in the lab, with policies other than accept. Empty
 * built-in chains do not count: the programs make them by looking.
 */
export function everyRule(lab: FirewallLab): string[] {
  const saves = (['nft', 'legacy'] as const).flatMap((variant) => ([4, 6] as const).map((family) => lab.host(iptablesProgram(family, variant, 'save'), [])));
  const made = [...saves, lab.host('ebtables-save', [])].flatMap((text) => text.split('\n')).filter((line) => /^(-A|:(?!\S+ ACCEPT))/.test(line));
  const tables = lab.host('nft', ['list', 'tables']).split('\n').filter((line) => !/^table (ip|ip6|bridge) (raw|nat|mangle|filter)$/.test(line));
  return [...made.map((line) => line.replace(/ \[\d+:\d+\]$/, '')), ...tables];
}

/** Takes everything away, whoever's it is. */
export function flushEverything(lab: FirewallLab): void {
  lab.host('nft', ['flush', 'ruleset']);
  const empty = ['filter', 'nat', 'raw', 'mangle'].map((table) => `*${table}\nCOMMIT\n`).join('');
  for (const family of [4, 6] as const) {
    lab.host(iptablesProgram(family, 'legacy', 'restore'), [], empty);
    lab.host(`${family === 6 ? 'ip6tables' : 'iptables'}-legacy`, ['-P', 'FORWARD', 'ACCEPT']);
  }
}
