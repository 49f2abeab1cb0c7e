import type { Op } from '../kernel/op.ts';
import type { Fact } from './facts.ts';

/**
 * The bit in the packet mark that says "netctl decided to let this packet through". Every owner
 * on the machine shares it, so that one owner's guard lets another owner's packets pass; only
 * this bit is ever set or tested, because other software marks packets too.
 */
export const ACCEPT_BIT = 0x1000_0000;

/** Renders facts into firewall operations. Pure: the caller applies what it gets. */
export interface FirewallBackend {
  readonly name: 'nft' | 'iptables';
  /** Everything from scratch in one transaction, replacing whatever of ours is there. `[]` as facts leaves nothing behind. */
  rebuild(facts: readonly Fact[]): Op[];
  /**
   * The operations that turn a rule set in which `before` is applied into one in which `after` is, touching only what
   * differs. Both lists hold only the facts of the objects at hand (one endpoint among thousands), never the whole
   * state: a fact must be renderable without the others. `[]` when nothing differs. The tables exist already.
   */
  change(before: readonly Fact[], after: readonly Fact[]): Op[];
}
