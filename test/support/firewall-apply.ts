import { iptablesProgram, type iptablesSave } from '../../src/kernel/iptables.ts';
import type { Op } from '../../src/kernel/op.ts';
import { addressOf, type FirewallLab } from './firewall-lab.ts';

/** Carries out firewall operations in the lab by the programs themselves. */
export function applyOps(lab: FirewallLab, ops: readonly Op[]): void {
  for (const op of ops) {
    if (op.op === 'nft') lab.host('nft', ['-f', '-'], op.script);
    else if (op.op === 'iptables-restore') lab.host(iptablesProgram(op.family, op.variant, 'restore'), ['--noflush', ...(op.family === 'bridge' ? [] : ['-w'])], op.batch);
    else throw new Error(`not a firewall operation: ${op.op}`);
  }
}

/** {@link iptablesSave} in the lab. */
export function labSave(lab: FirewallLab): typeof iptablesSave {
  return async (family, variant, table) => {
    const ip = family === 'bridge' ? 'bridge' : family === 6 ? 'ip6' : 'ip';
    const there = variant === 'legacy' ? lab.host('cat', [`/proc/net/${ip}_tables_names`]) : lab.host('nft', ['list', 'tables', ip]);
    const name = variant === 'legacy' ? table : `table ${ip} ${table}`;
    if (!there.split('\n').includes(name)) return undefined;
    return lab.host(iptablesProgram(family, variant, 'save'), family === 'bridge' ? [] : ['-t', table]);
  };
}

/**
 * Rules as dockerd 20.10 leaves them for docker0, with k1:80 published on 7080; a user's drop of
 * port 8089, and his own translation of port 7081 to q1:80, which nobody lets in.
 */
export function dockerRules(family: 4 | 6): string {
  const subnet = family === 4 ? '10.17.0.0/24' : 'fd00:17::/64';
  const port80 = (node: string): string => (family === 4 ? `${addressOf(node, 4)}:80` : `[${addressOf(node, 6)}]:80`);
  return `*filter
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
-A DOCKER -d ${addressOf('k1', family)} ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-USER -p tcp -m conntrack --ctorigdstport 8089 -j DROP
-A DOCKER-USER -j RETURN
COMMIT
*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A PREROUTING -m addrtype --dst-type LOCAL -p tcp -m tcp --dport 7081 -j DNAT --to-destination ${port80('q1')}
-A POSTROUTING -s ${subnet} ! -o docker0 -j MASQUERADE
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 7080 -j DNAT --to-destination ${port80('k1')}
COMMIT
`;
}

/**
 * Every rule and chain that somebody made in the lab, with policies other than accept. Empty
 * built-in chains do not count: the programs make them by looking.
 */
export function everyRule(lab: FirewallLab): string[] {
  const saves = (['nft', 'legacy'] as const).flatMap((variant) => ([4, 6] as const).map((family) => lab.host(iptablesProgram(family, variant, 'save'), [])));
  const made = [...saves, lab.host('ebtables-save', [])].flatMap((text) => text.split('\n')).filter((line) => /^(-A|:(?!\S+ ACCEPT))/.test(line));
  const tables = lab.host('nft', ['list', 'tables']).split('\n').filter((line) => !/^table (ip|ip6|bridge) (raw|nat|mangle|filter)$/.test(line));
  return [...made.map((line) => line.replace(/ \[\d+:\d+\]$/, '')), ...tables];
}

/** Takes everything away, whoever's it is. */
export function flushEverything(lab: FirewallLab): void {
  lab.host('nft', ['flush', 'ruleset']);
  const empty = ['filter', 'nat', 'raw', 'mangle'].map((table) => `*${table}\nCOMMIT\n`).join('');
  for (const family of [4, 6] as const) {
    lab.host(iptablesProgram(family, 'legacy', 'restore'), [], empty);
    lab.host(`${family === 6 ? 'ip6tables' : 'iptables'}-legacy`, ['-P', 'FORWARD', 'ACCEPT']);
  }
}
