import { NetworkError } from '../common/error.ts';
import type { IptablesVariant } from '../kernel/firewall-command.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Op } from '../kernel/op.ts';
import { runProgram } from '../kernel/programs.ts';
import { acceptRules, type AcceptRulesOptions } from './accept-rules.ts';
import type { FirewallBackend } from './backend.ts';
import { opensHost, type Fact } from './facts.ts';
import type { FirewallFinding } from './finding.ts';
import { drift, findings } from './findings.ts';
import { firewalldZone } from './firewalld-zone.ts';
import { instanceNames } from './instance.ts';
import { iptablesBackend } from './iptables-backend.ts';
import { nftBackend } from './nft-backend.ts';
import { renderTable } from './nft-shape.ts';

/** Which packet filter to use: `auto` takes nft where this machine has it, else iptables. */
export type FirewallChoice = 'auto' | 'nft' | 'iptables';

/** Rules of ours in tables that are everybody's: the kernel tells that a table was changed, not whose rule it was. */
export interface SharedRules {
  /** Whether there are any in that table, in nft's words (`ip nat`). iptables-legacy tells nobody of changes. */
  readonly standIn: (table: string) => boolean;
  /**
   * What differs from the facts, a sentence each.
   * @throws {NetworkError} KERNEL when the tables cannot be read
   */
  readonly drift: (facts: readonly Fact[]) => Promise<readonly string[]>;
}

/** A back end, and its place beside other packet filters. */
export interface OpenFirewall {
  readonly backend: FirewallBackend;
  /** What has to be done in iptables for our decisions to count; see {@link acceptRules}. */
  readonly acceptRules: (wanted: boolean, options?: Pick<AcceptRulesOptions, 'rehearsal' | 'hostPorts'>) => Promise<readonly Op[]>;
  /** With the iptables back end only: the tables of nft are ours alone. */
  readonly shared?: SharedRules;
  /** Compares what is in force with the facts, and looks for other tables in the way. */
  readonly findings: (facts: readonly Fact[]) => Promise<readonly FirewallFinding[]>;
  /** Tells firewalld, where it runs, which bridges are ours; see {@link FirewalldZone.set}. */
  readonly setBridges: (bridges: readonly string[]) => Promise<void>;
}

/**
 * Chooses the packet filter of this machine. nft is taken when program or library and kernel
 * understand all that our rules say.
 *
 * @param instance 8 hex digits: `instanceId` of the store whose networks it guards
 * @throws {NetworkError} UNSUPPORTED when what was chosen does not work here, or with `auto` neither does
 */
export async function openFirewall(kernel: Kernel, instance: string, choice: FirewallChoice): Promise<OpenFirewall> {
  const reason = choice === 'iptables' ? undefined : await whyNoNft(kernel, instance);
  if (choice === 'nft' && reason !== undefined) {
    throw new NetworkError('UNSUPPORTED', `nftables does not work here: ${reason}; --firewall iptables may`);
  }
  if (choice !== 'iptables' && reason === undefined) return open(kernel, instance, nftBackend(instance), {}, false);
  const variant = await usableVariant();
  if (variant === undefined) {
    const why = reason === undefined ? 'iptables does not work here: install it, or leave --firewall out' : `neither nftables nor iptables works here; ${reason}`;
    throw new NetworkError('UNSUPPORTED', why);
  }
  const blind = !(await works('ebtables-save', []));
  return open(kernel, instance, iptablesBackend(instance, { variant, bridges: blind ? 'none' : 'ebtables' }), { chains: variant, ...(blind ? { bridges: 'none' } : {}) }, blind);
}

function open(kernel: Kernel, instance: string, backend: FirewallBackend, options: AcceptRulesOptions, blind: boolean): OpenFirewall {
  const accept: OpenFirewall['acceptRules'] = (wanted, more) => acceptRules(kernel, instance, wanted, { ...options, ...more });
  const zone = firewalldZone();
  const what = { kernel, instance, variant: options.chains, blind };
  return {
    backend,
    acceptRules: accept,
    ...(options.chains === undefined ? {} : { shared: { standIn: (table) => options.chains !== 'legacy' && SHARED.test(table), drift: (facts) => drift({ ...what, facts }) } }),
    findings: async (facts) => findings({ ...what, facts, pending: await accept(facts.length > 0, { hostPorts: facts.some(opensHost) }) }),
    setBridges: (bridges) => zone.set(bridges),
  };
}

/** The tables of iptables-nft, ip6tables-nft and ebtables-nft in which we have chains. */
const SHARED = /^(?:ip6? (?:raw|nat|mangle|filter)|bridge filter)$/;

/** Makes our tables under another name and takes them away, in one transaction: nothing changes, and what cannot be done is told. */
async function whyNoNft(kernel: Kernel, instance: string): Promise<string | undefined> {
  const name = `${instanceNames(instance).table}_probe`;
  const script = (['inet', 'bridge'] as const).flatMap((family) => [renderTable(family, name), `delete table ${family} ${name}`]).join('\n');
  try {
    await kernel.apply([{ op: 'nft', script: `${script}\n` }]);
    return undefined;
  } catch (error) {
    const { code, message } = NetworkError.from(error);
    if (code === 'KERNEL' || code === 'UNSUPPORTED') return message;
    throw error;
  }
}

/**
 * The iptables that works here: the kind that `iptables` is on this machine, else the other. By its
 * full name where it has one, so that our rules stay together when the machine's choice changes.
 */
async function usableVariant(): Promise<IptablesVariant | undefined> {
  const version = await runProgram('iptables', ['--version']);
  const [first, second] = version?.stdout.includes('legacy') === true ? (['legacy', 'nft'] as const) : (['nft', 'legacy'] as const);
  for (const variant of [first, 'default', second] as const) {
    const program = variant === 'default' ? 'iptables-restore' : `iptables-${variant}-restore`;
    if (await works(program, ['--test', '--noflush'], '*filter\nCOMMIT\n')) return variant;
  }
  return undefined;
}

async function works(program: string, args: readonly string[], input = ''): Promise<boolean> {
  return (await runProgram(program, args, { input }))?.exitCode === 0;
}
