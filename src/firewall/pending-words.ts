import type { Op } from '../kernel/op.ts';

const PROGRAMS = { 4: 'iptables', 6: 'ip6tables', bridge: 'ebtables' } as const;

/**
 * What is wrong where {@link acceptRules} has something to do, a sentence for each rule, chain and table. Pure.
 * @param pending what it would do
 */
export function pendingWords(pending: readonly Op[]): string[] {
  return pending.flatMap((op): string[] => {
    if (op.op === 'nft') return [...op.script.matchAll(/^delete table (.+)$/gm)].map(([, table]) => `table ${table} is left over`);
    if (op.op !== 'iptables-restore' || op.optional === true) return [];
    return op.batch.split(/^(?=\*)/m).flatMap((section) => sectionWords(PROGRAMS[op.family], section));
  });
}

function sectionWords(program: string, section: string): string[] {
  const where = `${program}, table ${/^\*(\S+)/.exec(section)?.[1]}`;
  const missing = rules(section, /^-I (\S+) \d+ (.+)$/gm);
  const extra = rules(section, /^-D (\S+) (.+)$/gm);
  const moved = missing.filter((rule) => extra.includes(rule));
  return [
    ...missing.filter((rule) => !moved.includes(rule)).map((rule) => `${where}, chain ${rule.replace(' ', " lacks '")}'`),
    ...extra.filter((rule) => !moved.includes(rule)).map((rule) => `${where}, chain ${rule.replace(' ', " has, and nobody wants, '")}'`),
    ...moved.map((rule) => `${where}, chain ${rule.replace(' ', " has at a wrong place '")}'`),
    ...[...section.matchAll(/^-X (\S+)$/gm)].map(([, chain]) => `${where} has a chain ${chain} that is left over`),
  ];
}

/** `CHAIN RULE` each. */
function rules(section: string, pattern: RegExp): string[] {
  return [...section.matchAll(pattern)].map(([, chain, rule]) => `${chain} ${rule}`);
}
