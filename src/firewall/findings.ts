import type { IptablesVariant } from '../kernel/firewall-command.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Op } from '../kernel/op.ts';
import { opensHost, type Fact } from './facts.ts';
import type { FirewallFinding } from './finding.ts';
import { foreignDrops } from './foreign-drops.ts';
import { iptablesSave } from '../kernel/iptables.ts';
import { instanceNames } from './instance.ts';
import { variantOf } from './iptables-backend.ts';
import { iptablesDrift } from './iptables-drift.ts';
import { nftDrift } from './nft-drift.ts';
import { pendingWords } from './pending-words.ts';

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
const BLIND: FirewallFinding = {
  level: 'warning',
  message: 'ebtables is not installed: with bridge-nf-call-iptables=0 nothing keeps endpoints of networks with icc=false apart',
  remedy: 'install ebtables, or nftables',
};

/** Everything about the packet filter that a person should know: drift, what is in the way, what is lacking. */
export async function findings(input: FindingsInput): Promise<FirewallFinding[]> {
  const { kernel, facts, pending, blind } = input;
  const separate = facts.some((fact) => fact.kind === 'network' && !fact.icc);
  return [
    ...[...(await drift(input)), ...pendingWords(pending)].map((message): FirewallFinding => ({ level: 'error', message, remedy: REPAIR })),
    ...(facts.length === 0 ? [] : await drops(kernel, facts)),
    ...(blind && separate ? [BLIND] : []),
  ];
}

/**
 * What differs from the facts in what {@link FirewallBackend.rebuild} makes, a sentence each.
 * @throws {NetworkError} KERNEL when it cannot be read
 */
export async function drift({ kernel, instance, variant, facts, blind }: Omit<FindingsInput, 'pending'>): Promise<string[]> {
  const { table } = instanceNames(instance);
  if (variant === undefined) return nftDrift(instance, facts, { inet: await kernel.nftList(`list table inet ${table}`), bridge: await kernel.nftList(`list table bridge ${table}`) });
  if (facts.length === 0) return [];
  const families = blind ? ([4, 6] as const) : ([4, 6, 'bridge'] as const);
  const found = families.map(async (family) => iptablesDrift(instance, facts, family, (await iptablesSave(family, variantOf(family, variant))) ?? ''));
  return (await Promise.all(found)).flat();
}

async function drops(kernel: Pick<Kernel, 'nftList'>, facts: readonly Fact[]): Promise<FirewallFinding[]> {
  try {
    const bridges = facts.flatMap((fact) => (fact.kind === 'network' ? [fact.bridge] : []));
    const hooks = facts.some(opensHost) ? (['forward', 'input'] as const) : (['forward'] as const);
    return foreignDrops(await kernel.nftList('list ruleset'), bridges, hooks);
  } catch {
    return []; // no nft here, or tables of iptables that it cannot print
  }
}
