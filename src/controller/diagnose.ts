/** What a person should know about this host: what it lacks, what is stray, what has drifted. Changes nothing. */
import { NetworkError } from '../common/error.ts';
import { HOST } from '../kernel/op.ts';
import type { Context } from './context.ts';
import type { Finding } from './finding.ts';
import { neighbourTables } from './neighbour-tables.ts';
import { allChanges } from './wanted.ts';
import { goneLinks } from './converge-all.ts';
import { findStrays, linkDrift } from './reconcile.ts';
import { sandboxDrift } from './sandbox-drift.ts';
import type { SwitchedForwarding } from './forwarding.ts';
import { FORWARDING_KEY } from './surroundings.ts';

/** Looks at everything. */
export async function diagnose(context: Context): Promise<Finding[]> {
  const parts = await Promise.all([kernelFeatures(context), links(context), sandboxes(context), packetFilter(context), forwarding(context), ports(context), names(context), plugins(context), cluster(context)]);
  return parts.flat();
}

async function kernelFeatures(context: Context): Promise<Finding[]> {
  const findings: Finding[] = [];
  if ((await context.kernel.sysctl(HOST, 'net/ipv6/conf/all/forwarding')) === undefined) {
    findings.push({ level: 'note', subject: 'kernel', message: 'IPv6 is switched off: IPv6 networks have no addresses' });
  }
  try {
    const opened = await context.kernel.openSockets([{ protocol: 'sctp', port: 0, places: [{ address: '127.0.0.1', dualStack: false, listen: false }] }]);
    for (const socket of opened.flat()) socket[Symbol.dispose]();
  } catch (error) {
    if (NetworkError.from(error).code === 'UNSUPPORTED') findings.push({ level: 'note', subject: 'kernel', message: 'no sctp: sctp ports cannot be published', remedy: 'modprobe sctp, where the kernel has it' });
  }
  const bridged = await context.kernel.sysctl(HOST, 'net/bridge/bridge-nf-call-iptables');
  if (bridged === '1') findings.push({ level: 'note', subject: 'kernel', message: "bridge-nf-call-iptables=1: other programs' iptables rules see traffic inside our networks too" });
  findings.push(...(await neighbourTables(context)));
  return findings.length > 0 ? findings : [{ level: 'ok', subject: 'kernel', message: 'has everything that is used' }];
}

async function links(context: Context): Promise<Finding[]> {
  const gone = new Set(await goneLinks(context));
  const remedy = `'netctl doctor --fix' puts it right${gone.size === 0 ? '' : ', where what it sits on is there'}`;
  const missing = (await linkDrift(context)).map((message): Finding => ({ level: 'error', subject: 'links', message, ...(gone.has(message) ? {} : { remedy }) }));
  const { links: stray, namespaces } = await findStrays(context);
  const strays = [...stray.map((name) => `link ${name}`), ...namespaces.map(({ name }) => `namespace ${name}`)].map(
    (what): Finding => ({ level: 'warning', subject: 'links', message: `stray ${what}: it carries our label and nobody wants it`, remedy: "'netctl doctor --fix' removes it" }),
  );
  const count = allChanges(context.ledger).flatMap(({ wanted }) => wanted.links).length;
  const found = [...missing, ...strays];
  return found.length > 0 ? found : [{ level: 'ok', subject: 'links', message: `all ${count} are as they should be` }];
}

async function sandboxes(context: Context): Promise<Finding[]> {
  const found = (await sandboxDrift(context)).map((one): Finding => ({ level: 'error', subject: 'sandboxes', ...one }));
  return found.length > 0 ? found : [{ level: 'ok', subject: 'sandboxes', message: `all ${context.ledger.sandboxes.size} have their namespace` }];
}

async function packetFilter(context: Context): Promise<Finding[]> {
  const facts = context.applier.facts();
  const findings = (await context.firewallFindings(facts)).map(
    ({ message, remedy, level }): Finding => ({ level, subject: 'packet filter', message, ...(remedy === undefined ? {} : { remedy }) }),
  );
  return findings.some(({ level }) => level !== 'note') ? findings : [...findings, { level: 'ok', subject: 'packet filter', message: `all ${facts.length} facts are in force` }];
}

async function forwarding(context: Context): Promise<Finding[]> {
  const switched = (await context.store.get(FORWARDING_KEY))?.value as SwitchedForwarding | undefined;
  if (switched === undefined) return [{ level: 'ok', subject: 'forwarding', message: 'nothing was switched on for our networks' }];
  const findings: Finding[] = [];
  if (switched.ipv4.length > 0) findings.push({ level: 'note', subject: 'forwarding', message: `IPv4: switched on for ${switched.ipv4.join(', ')}, guarded so that it leads to our networks only` });
  if (switched.ipv6 !== undefined) findings.push({ level: 'note', subject: 'forwarding', message: `IPv6: switched on as a whole, guarded at ${switched.ipv6.join(', ') || 'no interface'}` });
  if (switched.acceptRa.length > 0) findings.push({ level: 'note', subject: 'forwarding', message: `accept_ra went from 1 to 2 at ${switched.acceptRa.join(', ')}, so that default routes are still learned` });
  return findings;
}

async function ports(context: Context): Promise<Finding[]> {
  const lost = [...context.lostPorts.values()];
  if (lost.length === 0) return [{ level: 'ok', subject: 'ports', message: 'every published port is held' }];
  return lost.map((message): Finding => ({ level: 'warning', subject: 'ports', message, remedy: 'stop the program that took it, then restart the daemon' }));
}

async function plugins({ plugins: keeper, ledger }: Context): Promise<Finding[]> {
  const problems = keeper.problems();
  if (problems.length > 0) return problems.map((message): Finding => ({ level: 'error', subject: 'plugins', message, remedy: "it is tried again every 10 s, and by 'netctl doctor --fix' at once" }));
  const count = [...ledger.networks.values()].filter(({ record }) => record.remote !== undefined || record.ipam !== undefined).length;
  return count === 0 ? [] : [{ level: 'ok', subject: 'plugins', message: `know all ${count} networks of theirs` }];
}

async function cluster({ cluster: keeper, ledger }: Context): Promise<Finding[]> {
  const problems = keeper.problems();
  if (problems.length > 0) return problems.map((message): Finding => ({ level: 'error', subject: 'cluster', message, remedy: "'netctl cluster ls' shows its hosts" }));
  const networks = [...ledger.networks.values()].filter(({ record }) => record.cluster !== undefined);
  const encrypted = networks.filter(({ driver }) => driver.isEncrypted === true).length;
  return networks.length === 0 ? [] : [{ level: 'ok', subject: 'cluster', message: `all ${networks.length} networks of it are here${encrypted === 0 ? '' : `, ${encrypted} of them encrypted`}` }];
}

async function names({ names: keeper, ledger }: Context): Promise<Finding[]> {
  const problems = keeper.problems();
  if (problems.length === 0) return [{ level: 'ok', subject: 'names', message: `are served to all ${ledger.sandboxes.size} sandboxes` }];
  return problems.map((message): Finding => ({ level: 'error', subject: 'names', message, remedy: "'netctl doctor --fix' tries again" }));
}
