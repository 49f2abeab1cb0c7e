import { ACCEPT_BIT } from './backend.ts';
import type { FirewallFinding } from './finding.ts';
import { TABLE_PREFIX } from './instance.ts';
import { isObject, objectsIn } from './nft-listing.ts';

type Json = Readonly<Record<string, unknown>>;

/** Where our forward and input chains stand: a chain before it cannot know our mark. */
const OUR_PRIORITY = -10;

/** What a chain at a hook may keep from us. */
const MEANT = { forward: 'traffic of our networks', input: 'questions of our networks to the name server at their gateway' } as const;

/**
 * Finds chains of other owners that drop what is forwarded, which no accept of ours can lift: every
 * table has its own say. Those of iptables are left out, the accept rule is there for them. Pure.
 *
 * @param ruleset `kernel.nftList('list ruleset')`
 * @param bridges ours; firewalld's reject counts only for those that it has in no zone
 * @param hooks where we accept anything: `input` only where ports of the host have to be open
 * @returns a finding for each base chain at these hooks that ends in a drop or reject
 */
export function foreignDrops(ruleset: unknown, bridges: readonly string[], hooks: readonly (keyof typeof MEANT)[] = ['forward']): FirewallFinding[] {
  const rules = Map.groupBy(objectsIn(ruleset, 'rule'), chainKey);
  return objectsIn(ruleset, 'chain').flatMap((chain): FirewallFinding[] => {
    const { family, table, name, hook, prio } = chain;
    const at = hooks.find((one) => one === hook);
    if (at === undefined || family === 'bridge' || String(table).startsWith(TABLE_PREFIX) || isIptables(chain)) return [];
    const members = rules.get(key(family, table, name)) ?? [];
    if (members.some(acceptsOurBit) || (table === 'firewalld' && inZones(rules, bridges, at))) return [];
    const verdict = chain['policy'] === 'drop' ? 'drops' : ending(chain, rules, new Set());
    if (verdict === undefined) return [];
    const where = `table ${String(family)} ${String(table)}, chain ${String(name)}`;
    return [
      {
        level: 'warning',
        message: `${where} ${verdict} what it does not know, and that may be ${MEANT[at]}: no rule of ours can overrule it`,
        remedy: wayOut(String(family), String(table), String(name), Number(prio), at),
      },
    ];
  });
}

function wayOut(family: string, table: string, chain: string, priority: number, hook: keyof typeof MEANT): string {
  if (table === 'firewalld') return "firewalld lets zones decide: restart the daemon while firewalld runs, so that our bridges get their zone 'netctl'";
  const bit = `0x${ACCEPT_BIT.toString(16)}`;
  if (priority > OUR_PRIORITY) return `nft insert rule ${family} ${table} ${chain} 'meta mark and ${bit} == ${bit} accept'`;
  return `let our bridges pass there by their names: nft insert rule ${family} ${table} ${chain} 'iifname BRIDGE accept'${hook === 'forward' ? ', likewise oifname' : ''}`;
}

/** iptables-nft keeps its chains in tables of these names. */
function isIptables({ family, table, name }: Json): boolean {
  return (family === 'ip' || family === 'ip6') && (table === 'filter' || table === 'mangle' || table === 'security') && (name === 'FORWARD' || name === 'INPUT');
}

/** What a chain does with everything that gets through it: `drops`, `rejects`, or undefined when it lets go. */
function ending(chain: Json, rules: ReadonlyMap<string, readonly Json[]>, seen: Set<string>): 'drops' | 'rejects' | undefined {
  const here = key(chain['family'], chain['table'], chain['name']);
  if (seen.has(here)) return undefined;
  seen.add(here);
  for (const rule of rules.get(here) ?? []) {
    const expressions = Array.isArray(rule['expr']) ? (rule['expr'] as readonly unknown[]).filter(isObject) : [];
    // A condition before the verdict: not for everything.
    const [verdict, ...more] = expressions.filter((expression) => expression['counter'] === undefined && expression['log'] === undefined);
    if (verdict === undefined || more.length > 0) continue;
    if ('drop' in verdict) return 'drops';
    if ('reject' in verdict) return 'rejects';
    if ('accept' in verdict || 'return' in verdict) return undefined;
    const to = verdict['jump'] ?? verdict['goto'];
    if (!isObject(to)) continue;
    const end = ending({ ...chain, name: to['target'] }, rules, seen);
    if (end !== undefined || 'goto' in verdict) return end;
  }
  return undefined;
}

/** firewalld sends each interface by its name to the chains of its zone. */
function inZones(rules: ReadonlyMap<string, readonly Json[]>, bridges: readonly string[], hook: keyof typeof MEANT): boolean {
  const text = JSON.stringify(rules.get(key('inet', 'firewalld', `filter_${hook.toUpperCase()}_ZONES`)) ?? []);
  return bridges.every((bridge) => text.includes(JSON.stringify(bridge)));
}

function acceptsOurBit(rule: Json): boolean {
  const text = JSON.stringify(rule['expr'] ?? []);
  return text.includes('"accept"') && text.includes('"key":"mark"') && text.includes(`,${ACCEPT_BIT}]`);
}

function chainKey(rule: Json): string {
  return key(rule['family'], rule['table'], rule['chain']);
}

function key(family: unknown, table: unknown, chain: unknown): string {
  return `${String(family)} ${String(table)} ${String(chain)}`;
}
