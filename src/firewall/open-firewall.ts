import { NetworkError } from '../common/error.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Op } from '../kernel/op.ts';
import { acceptRules } from './accept-rules.ts';
import type { FirewallBackend } from './backend.ts';
import type { Fact } from './facts.ts';
import type { FirewallFinding } from './finding.ts';
import { foreignDrops } from './foreign-drops.ts';
import { instanceNames } from './instance.ts';
import { iptablesBackend } from './iptables-backend.ts';
import { nftBackend } from './nft-backend.ts';
import { nftDrift } from './nft-drift.ts';

/** Which packet filter to use: `auto` takes nft where this machine has it, else iptables. */
export type FirewallChoice = 'auto' | 'nft' | 'iptables';

/** A back end, and its place beside other packet filters. */
export interface OpenFirewall {
  readonly backend: FirewallBackend;
  /** What has to be done in iptables for our decisions to count; see {@link acceptRules}. */
  readonly acceptRules: (wanted: boolean) => Promise<readonly Op[]>;
  /** Compares what is in force with the facts, and looks for other tables in the way. */
  readonly findings: (facts: readonly Fact[]) => Promise<readonly FirewallFinding[]>;
}

/**
 * Chooses the packet filter of this machine.
 * @param instance 8 hex digits
 * @throws {NetworkError} UNSUPPORTED when nft was asked for and is not there
 */
export async function openFirewall(kernel: Kernel, instance: string, choice: FirewallChoice): Promise<OpenFirewall> {
  const reason = choice === 'iptables' ? undefined : await whyNoNft(kernel);
  if (choice === 'nft' && reason !== undefined) {
    throw new NetworkError('UNSUPPORTED', `nftables does not work here (${reason}): install nftables, or use --firewall iptables`);
  }
  if (choice === 'iptables' || reason !== undefined) {
    return {
      backend: iptablesBackend(instance, { variant: 'default' }),
      acceptRules: (wanted) => acceptRules(kernel, instance, wanted, { chains: 'default' }),
      findings: async () => [],
    };
  }
  return {
    backend: nftBackend(instance),
    acceptRules: (wanted) => acceptRules(kernel, instance, wanted),
    findings: (facts) => nftFindings(kernel, instance, facts),
  };
}

async function nftFindings(kernel: Kernel, instance: string, facts: readonly Fact[]): Promise<FirewallFinding[]> {
  const { table } = instanceNames(instance);
  const listings = { inet: await kernel.nftList(`list table inet ${table}`), bridge: await kernel.nftList(`list table bridge ${table}`) };
  const drift = nftDrift(instance, facts, listings).map((message): FirewallFinding => ({ level: 'error', message, remedy: "'netctl doctor --fix' puts it right" }));
  return facts.length === 0 ? drift : [...drift, ...foreignDrops(await kernel.nftList('list ruleset'))];
}

async function whyNoNft(kernel: Kernel): Promise<string | undefined> {
  try {
    await kernel.nftList('list tables');
    return undefined;
  } catch (error) {
    return NetworkError.from(error).message;
  }
}
