import { iptablesProgram, type iptablesSave } from '../../src/kernel/iptables.ts';
import type { Op } from '../../src/kernel/op.ts';
import { addressOf, type FirewallLab } from './firewall-lab.ts';

/** Carries out firewall operations in the lab by the programs themselves. */
export function applyOps(lab: FirewallLab, ops: readonly Op[]): void {
  for (const op of ops) {
    if (op.op === 'nft' && op.empty !== undefined) for (const { family, table } of op.empty) dropTable(lab, family, table);
    else if (op.op === 'nft') lab.host('nft', ['-f', '-'], op.script);
    else if (op.op === 'iptables-restore') lab.host(iptablesProgram(op.family, op.variant, 'restore'), ['--noflush', ...(op.family === 'bridge' ? [] : ['-w'])], op.batch);
    else throw new Error(`not a firewall operation: ${op.op}`);
  }
}

/** As the kernel layer does: one that holds something stays. */
function dropTable(lab: FirewallLab, family: string, table: string): void {
  if (/^\t/m.test(lab.host('nft', ['list', 'table', family, table]))) return;
  lab.host('nft', ['delete', 'table', family, table]);
}

/** `kernel.nftList` in the lab. */
export async function labList(lab: FirewallLab, command: string): Promise<unknown> {
  return JSON.parse(lab.host('nft', ['-j', command]));
}

/** {@link iptablesSave} in the lab. */
export function labSave(lab: FirewallLab): typeof iptablesSave {
  return async (family, variant, { table } = {}) => {
    if (table === undefined) return lab.host(iptablesProgram(family, variant, 'save'), []);
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
 * Everything that nft lists, and of iptables-legacy every rule and chain that somebody made, with policies
 * other than accept: the kernel never drops an empty table of iptables-legacy.
 */
export function everyRule(lab: FirewallLab): string[] {
  const saves = ([4, 6] as const).map((family) => lab.host(iptablesProgram(family, 'legacy', 'save'), []));
  const made = saves.flatMap((text) => text.split('\n')).filter((line) => /^(-A|:(?!\S+ ACCEPT))/.test(line));
  const listed = lab.host('nft', ['list', 'ruleset']).replace(/packets \d+ bytes \d+/g, '').split('\n');
  return [...made.map((line) => line.replace(/ \[\d+:\d+\]$/, '')), ...listed];
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
