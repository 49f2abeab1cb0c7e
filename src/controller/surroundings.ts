/** What our networks need of the rest of the host: forwarding, and a place beside other packet filters. */
import { NetworkError } from '../common/error.ts';
import { opensHost, type Fact } from '../firewall/facts.ts';
import { HOST } from '../kernel/op.ts';
import type { NamespaceSnapshot } from '../kernel/snapshot.ts';
import type { Context } from './context.ts';
import { NOT_SWITCHED, planForwarding, type ForwardingState, type SwitchedForwarding } from './forwarding.ts';
import { adjustTunnels } from './tunnels.ts';

/** Where it is written down what was switched on. */
export const FORWARDING_KEY = 'host/forwarding';
const HOST_FACTS = 'host';

/** Brings the host's surroundings in line with the networks there are; called whenever either changes. */
export async function adjustSurroundings(context: Context): Promise<void> {
  await adjustTunnels(context);
  await adjustForwarding(context);
  await adjustFirewalld(context);
}

/** firewalld takes tenths of a second to answer: it is asked when our bridges changed or it may have forgotten them. */
async function adjustFirewalld(context: Context): Promise<void> {
  const bridges = context.applier.facts().flatMap((fact) => (fact.kind === 'network' ? [fact.bridge] : []));
  const text = bridges.toSorted().join(' ');
  if (text === (context.firewalld.told ?? '') && (context.firewalld.told !== undefined || text === '')) return;
  try {
    await context.setBridges(bridges);
    context.firewalld.told = text;
  } catch (error) {
    context.events.warn(NetworkError.from(error).message);
  }
}

async function adjustForwarding(context: Context): Promise<void> {
  const [host] = await context.kernel.snapshot([HOST]);
  if (host === undefined) return;
  // Those straight on a LAN have no rules and no use for a router.
  const networks = [...context.ledger.networks.values()].filter(({ driver }) => driver.wanted().facts.length > 0);
  const needs = { ipv4: networks.some(({ driver }) => driver.givesGateway(4)), ipv6: networks.some(({ driver }) => driver.givesGateway(6)) };
  const stored = (await context.store.get(FORWARDING_KEY))?.value as SwitchedForwarding | undefined;
  const before = stored ?? NOT_SWITCHED;
  if (!needs.ipv4 && !needs.ipv6 && stored === undefined && context.applier.applied(HOST_FACTS).facts.length === 0) {
    await context.kernel.apply(await acceptRules(context, networks.length > 0));
    return;
  }
  const { ops, switched, guards } = planForwarding(await forwardingState(context, host), before, needs);
  const anything = switched.ipv4.length > 0 || switched.ipv6 !== undefined;
  // Written down first: what a crash leaves switched on is found again.
  if (JSON.stringify(switched) !== JSON.stringify(before)) await context.store.commit([{ key: FORWARDING_KEY, ...(anything ? { value: switched } : {}) }]);
  const facts: Fact[] = networks.length === 0 ? [] : [...guards, ...foreignBridges(host, context)];
  const rules = await acceptRules(context, networks.length > 0);
  await context.applier.transition([{ id: HOST_FACTS, wanted: { links: [], facts } }], {
    // Guards stand before anything is forwarded, and until nothing is.
    after: networks.length > 0 ? [...rules, ...ops] : [...ops, ...rules],
    onFailure: 'forward',
  });
}

function acceptRules({ acceptRules: plan, applier }: Context, wanted: boolean): ReturnType<Context['acceptRules']> {
  return plan(wanted, { hostPorts: applier.facts().some(opensHost) });
}

async function forwardingState(context: Context, host: NamespaceSnapshot): Promise<ForwardingState> {
  const read = async (key: string): Promise<string | undefined> => context.kernel.sysctl(HOST, key);
  const own = ownBridges(context);
  const routing = host.links.filter((link) => link.name !== 'lo' && link.masterIndex === undefined && !isFarEnd(link.name));
  const links = await Promise.all(
    routing.map(async ({ name, kind }) => ({
      name,
      isBridge: kind === 'bridge',
      isOurs: own.has(name),
      ipv4: (await read(`net/ipv4/conf/${name}/forwarding`)) === '1',
      acceptRa: await read(`net/ipv6/conf/${name}/accept_ra`),
    })),
  );
  // In a rehearsal a new bridge is only planned.
  const planned = context.applier.links().filter(({ type, name }) => type === 'bridge' && host.links.every((link) => link.name !== name));
  links.push(...planned.map(({ name }) => ({ name, isBridge: true, isOurs: true, ipv4: false, acceptRa: undefined })));
  return { ipv4: (await read('net/ipv4/ip_forward')) === '1', ipv6: (await read('net/ipv6/conf/all/forwarding')) === '1', links };
}

/** What else is ours stands in networks of others: what comes in there is guarded like what comes in anywhere. */
function ownBridges({ applier }: Context): ReadonlySet<string> {
  return new Set(applier.links().filter(({ type, namespace }) => type === 'bridge' && namespace === HOST).map(({ name }) => name));
}

/** Foreign bridges: those with a default route lead out, the others belong to somebody whose rules decide. */
function foreignBridges(host: NamespaceSnapshot, context: Context): Fact[] {
  const own = ownBridges(context);
  const leading = new Set(host.routes.filter(({ destination }) => destination === '0.0.0.0/0' || destination === '::/0').map(({ linkIndex }) => linkIndex));
  return host.links
    .filter(({ kind, name }) => kind === 'bridge' && !own.has(name))
    .map(({ name, index }): Fact => ({ kind: leading.has(index) ? 'uplink' : 'foreign-bridge', link: name }));
}

/** What an engine is to take into a container waits in the host's namespace. */
function isFarEnd(name: string): boolean {
  return /^ns[0-9a-f]{12}$/.test(name);
}
