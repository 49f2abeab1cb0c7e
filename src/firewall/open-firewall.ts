import type { Kernel } from '../kernel/kernel.ts';
import type { Op } from '../kernel/op.ts';
import type { FirewallBackend } from './backend.ts';
import type { Fact } from './facts.ts';
import { nftBackend } from './nft-backend.ts';

/** Which packet filter to use. */
export type FirewallChoice = 'auto' | 'nft' | 'iptables';

/** Something about the packet filter that a person should know. */
export interface FirewallFinding {
  readonly level: 'note' | 'warning' | 'error';
  readonly message: string;
  readonly remedy?: string;
}

/** A back end, and its place beside other packet filters. */
export interface OpenFirewall {
  readonly backend: FirewallBackend;
  readonly acceptRules: (wanted: boolean) => Promise<readonly Op[]>;
  /** Compares what is in force with the facts, and looks for other tables in the way. */
  readonly findings: (facts: readonly Fact[]) => Promise<readonly FirewallFinding[]>;
}

/** Chooses the packet filter of this machine. */
export async function openFirewall(_kernel: Kernel, instance: string, _choice: FirewallChoice): Promise<OpenFirewall> {
  return { backend: nftBackend(instance), acceptRules: async () => [], findings: async () => [] };
}
