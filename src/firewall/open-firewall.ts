import type { Kernel } from '../kernel/kernel.ts';
import type { Op } from '../kernel/op.ts';
import type { FirewallBackend } from './backend.ts';
import { nftBackend } from './nft-backend.ts';

/** Which packet filter to use. */
export type FirewallChoice = 'auto' | 'nft' | 'iptables';

/** A back end, and its place beside other packet filters. */
export interface OpenFirewall {
  readonly backend: FirewallBackend;
  readonly acceptRules: (wanted: boolean) => Promise<readonly Op[]>;
}

/** Chooses the packet filter of this machine. */
export async function openFirewall(_kernel: Kernel, instance: string, _choice: FirewallChoice): Promise<OpenFirewall> {
  return { backend: nftBackend(instance), acceptRules: async () => [] };
}
