import { NetworkError } from '../common/error.ts';
import type { IptablesVariant } from '../kernel/firewall-command.ts';
import { iptablesSave } from '../kernel/iptables.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Op } from '../kernel/op.ts';
import { planAcceptRule, type RuleSet } from './accept-rule.ts';
import { planHooks } from './hook-rules.ts';
import { instanceNames } from './instance.ts';
import { parseSave } from './iptables-save.ts';

/** What {@link acceptRules} can be told. */
export interface AcceptRulesOptions {
  /** The variant whose chains {@link iptablesBackend} fills; left out with nft, which has none. */
  readonly chains?: IptablesVariant;
  /** Reads a table: `iptables-save -t TABLE`; undefined where there is none. */
  readonly save?: typeof iptablesSave;
}

const FAMILIES: readonly (4 | 6)[] = [4, 6];

/**
 * What has to be done in iptables, given what stands there now, for our decisions to count: the one
 * accept rule in each rule set that has a FORWARD chain ({@link planAcceptRule}), and with the
 * iptables back end the jumps to its chains. Leftovers of the other back end go.
 *
 * To be applied after {@link FirewallBackend.rebuild}, at the first fact and the last as well, and
 * planned again whenever somebody else changed the packet filter.
 *
 * @param instance 8 hex digits
 * @param wanted whether there is any network
 * @throws {NetworkError} KERNEL when a rule set cannot be read
 */
export async function acceptRules(kernel: Pick<Kernel, 'nftList'>, instance: string, wanted: boolean, options: AcceptRulesOptions = {}): Promise<Op[]> {
  const { chains, save = iptablesSave } = options;
  const filters = (await Promise.all(FAMILIES.map((family) => readFilters(family, save)))).flat();
  const accepts = filters.flatMap(({ text, ...ruleSet }) => planAcceptRule(text, ruleSet, instance, wanted));
  const prefix = instanceNames(instance).chain('');
  const chained = filters.filter(({ text }) => [...parseSave(text, 'filter').keys()].some((chain) => chain.startsWith(prefix)));
  const hooks = await Promise.all(
    chained.map(async ({ family, variant, text }) => {
      const stays = chains === variant || chains === 'default';
      return planHooks(await readTables(family, variant, text, save), { family, variant }, instance, wanted && stays);
    }),
  );
  const bridge = chains === undefined && chained.length === 0 ? undefined : await save('bridge', 'default', 'filter');
  const bridgeHooks = bridge === undefined ? [] : planHooks(new Map([['filter', bridge]]), { family: 'bridge', variant: 'default' }, instance, wanted && chains !== undefined);
  const tables = chains === undefined ? [] : await strayTables(kernel, instance);
  // The accept rule's place was counted without the jumps, which go first.
  return [...accepts, ...hooks.flat(), ...bridgeHooks, ...tables];
}

interface Filter extends RuleSet {
  /** `iptables-save -t filter` */
  readonly text: string;
}

/** The filter tables of this machine by variant. Where programs carry no suffix, `iptables` is all there is. */
async function readFilters(family: 4 | 6, save: typeof iptablesSave): Promise<Filter[]> {
  const read = async (variant: IptablesVariant): Promise<Filter[]> => {
    const text = await save(family, variant, 'filter');
    return text === undefined ? [] : [{ family, variant, text }];
  };
  const named = (await Promise.all([read('nft'), read('legacy')])).flat();
  return named.length > 0 ? named : read('default');
}

/** All tables of a rule set in which chains of ours may stand: in every one of them, or in none. */
async function readTables(family: 4 | 6, variant: IptablesVariant, filter: string, save: typeof iptablesSave): Promise<Map<string, string>> {
  const tables = new Map([['filter', filter]]);
  for (const table of ['raw', 'nat', 'mangle']) {
    const text = await save(family, variant, table);
    if (text !== undefined) tables.set(table, text);
  }
  return tables;
}

/** Tables that nft left before somebody chose iptables. */
async function strayTables(kernel: Pick<Kernel, 'nftList'>, instance: string): Promise<Op[]> {
  const { table } = instanceNames(instance);
  const lines: string[] = [];
  for (const family of ['inet', 'bridge']) {
    if (await hasTable(kernel, `list table ${family} ${table}`)) lines.push(`delete table ${family} ${table}`);
  }
  return lines.length === 0 ? [] : [{ op: 'nft', script: `${lines.join('\n')}\n` }];
}

async function hasTable(kernel: Pick<Kernel, 'nftList'>, command: string): Promise<boolean> {
  try {
    return (await kernel.nftList(command)) !== undefined;
  } catch (error) {
    if (NetworkError.from(error).code === 'UNSUPPORTED') return false; // no nft, no tables of it
    throw error;
  }
}
