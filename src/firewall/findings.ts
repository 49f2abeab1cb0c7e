import type { IptablesVariant } from '../kernel/firewall-command.ts';
import { iptablesSave } from '../kernel/iptables.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Op } from '../kernel/op.ts';
import type { Fact } from './facts.ts';
import type { FirewallFinding } from './finding.ts';
import { foreignDrops } from './foreign-drops.ts';
import { instanceNames } from './instance.ts';
import { iptablesDrift } from './iptables-drift.ts';
import { nftDrift } from './nft-drift.ts';

/** What {@link findings} looks at. */
export interface FindingsInput {
  readonly kernel: Pick<Kernel, 'nftList'>;
  readonly instance: string;
  /** Of the iptables back end; left out with nft. */
  readonly variant: IptablesVariant | undefined;
  /** All of them. */
  readonly facts: readonly Fact[];
  /** What {@link acceptRules} would do now. */
  readonly pending: readonly Op[];
  /** The iptables back end works without ebtables. */
  readonly blind: boolean;
}

const REPAIR = "'netctl doctor --fix' puts it right";
const MISPLACED: FirewallFinding = { level: 'error', message: 'in iptables, rules of ours are missing, at a wrong place or left over', remedy: REPAIR };
const BLIND: FirewallFinding = {
  level: 'warning',
  message: 'ebtables is not installed: with bridge-nf-call-iptables=0 nothing keeps endpoints of networks with icc=false apart',
  remedy: 'install ebtables, or nftables',
};

/** Everything about the packet filter that a person should know: drift, what is in the way, what is lacking. */
export async function findings({ kernel, instance, variant, facts, pending, blind }: FindingsInput): Promise<FirewallFinding[]> {
  const drift = variant === undefined ? await driftInNft(kernel, instance, facts) : await driftInIptables(variant, instance, facts);
  const separate = facts.some((fact) => fact.kind === 'network' && !fact.icc);
  return [
    ...drift.map((message): FirewallFinding => ({ level: 'error', message, remedy: REPAIR })),
    ...(pending.length === 0 ? [] : [MISPLACED]),
    ...(facts.length === 0 ? [] : await drops(kernel, facts)),
    ...(blind && separate ? [BLIND] : []),
  ];
}

async function driftInNft(kernel: Pick<Kernel, 'nftList'>, instance: string, facts: readonly Fact[]): Promise<string[]> {
  const { table } = instanceNames(instance);
  return nftDrift(instance, facts, { inet: await kernel.nftList(`list table inet ${table}`), bridge: await kernel.nftList(`list table bridge ${table}`) });
}

async function driftInIptables(variant: IptablesVariant, instance: string, facts: readonly Fact[]): Promise<string[]> {
  const families = await Promise.all(
    ([4, 6] as const).map(async (family) => {
      const saved = new Map<string, string>();
      for (const table of ['raw', 'nat', 'mangle', 'filter']) saved.set(table, (await iptablesSave(family, variant, table)) ?? '');
      return iptablesDrift(instance, facts, { family, variant }, saved);
    }),
  );
  return families.flat();
}

async function drops(kernel: Pick<Kernel, 'nftList'>, facts: readonly Fact[]): Promise<FirewallFinding[]> {
  try {
    return foreignDrops(await kernel.nftList('list ruleset'), facts.flatMap((fact) => (fact.kind === 'network' ? [fact.bridge] : [])));
  } catch {
    return []; // no nft here, or tables of iptables that it cannot print
  }
}
