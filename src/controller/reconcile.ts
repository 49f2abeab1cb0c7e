/**
 * Start, repair and `doctor --fix`: from whatever the kernel holds to what is written down. The
 * same planner as everywhere; only `actual` is read from the kernel.
 */
import type { LinkState } from '../kernel/link-state.ts';
import { HOST, type Op } from '../kernel/op.ts';
import type { NamespaceSnapshot } from '../kernel/snapshot.ts';
import { merge } from './applier.ts';
import { settleCables } from './cables.ts';
import type { Context } from './context.ts';
import { convergeAll, goneLinks } from './converge-all.ts';
import { finishDepartures } from './departures.ts';
import { forgetDead, isDead } from './engine-endpoints.ts';
import { endpointKey } from './endpoints.ts';
import { leadsOutBefore } from './learned.ts';
import { linkKey } from './plan.ts';
import type { EndpointRecord } from './records.ts';
import { sandboxDrift, settleSandboxes } from './sandbox-drift.ts';
import { NAMESPACE_FOLDER } from './sandboxes.ts';
import { lostAttachments, settleRemote } from './settle-remote.ts';
import { adjustSurroundings } from './surroundings.ts';
import { tableRepairs } from './table-repairs.ts';
import { allChanges, endpointChange } from './wanted.ts';

/**
 * Makes the kernel equal to the wanted state.
 * @param known what the caller knows to be wrong: the rule set is put back as a whole, without being looked at
 * @returns what had to be repaired, a sentence each
 */
export async function reconcile(context: Context, known: readonly string[] = []): Promise<string[]> {
  const repairs = [...known, ...(await finishDepartures(context)), ...(await settleSandboxes(context)), ...(await settleCables(context)), ...(await settleEngineEndpoints(context))];
  await settleRemote(context);
  const ops = await convergeAll(context);
  repairs.push(...sentences(ops).map(({ repaired }) => repaired), ...(await removeStrays(context)));
  await adjustSurroundings(context);
  for (const repair of new Set(repairs)) context.events.emit({ type: 'host', action: 'repair', id: '', name: repair });
  return [...new Set(repairs)];
}

async function settleEngineEndpoints(context: Context): Promise<string[]> {
  const repairs: string[] = [];
  const engine = [...context.ledger.endpoints.values()].filter(({ sandboxId, attachment }) => sandboxId === undefined && attachment !== undefined);
  if (engine.length === 0) return repairs;
  const [host] = await context.kernel.snapshot([HOST]);
  for (const endpoint of engine) {
    const [link] = endpointChange(context.ledger, endpoint).wanted.links;
    if (link === undefined || (await isInPlace(context, link, host))) continue;
    if (await isDead(context, endpoint)) {
      await forgetDead(context, endpoint);
      repairs.push(`endpoint ${endpoint.id.slice(0, 12)} of the engine removed: its container is gone`);
    } else {
      await takeOver(context, endpoint);
    }
  }
  return repairs;
}

/** Whether a link is where it was put, or where the engine has taken it; one that we put back into a container ourselves is put back again. */
async function isInPlace({ kernel }: Context, { namespace, name, handedOver, label }: LinkState, host: NamespaceSnapshot | undefined): Promise<boolean> {
  if (namespace !== HOST) return (await kernel.namespaceIdentity(namespace)) !== undefined;
  if (host?.links.some((link) => link.name === name) === true) return true;
  const [inside] = handedOver === undefined ? [] : await kernel.snapshot([handedOver]);
  return inside?.links.some(({ alias }) => alias === label) === true;
}

/** The container lives and its link is lost: we make it again, and this time configure it ourselves. */
async function takeOver(context: Context, endpoint: EndpointRecord): Promise<void> {
  const { attachment } = endpoint;
  if (attachment === undefined || (await context.kernel.namespaceIdentity(attachment.namespace)) === undefined) return;
  const { driver, record } = context.ledger.network(endpoint.networkId);
  const [inside] = await context.kernel.snapshot([attachment.namespace]);
  const used = new Set(inside?.links.map(({ name }) => name));
  let number = 0;
  while (used.has(`${driver.interfacePrefix}${number}`)) number += 1;
  // The routes went with the link: the families that have no other way out led through it.
  const leads = ([4, 6] as const).filter(
    (family) => record.publisher !== 'engine' && (driver.givesGateway(family) || (family === 4 && leadsOutBefore(context.ledger, endpoint))) && !inside?.routes.some(({ destination }) => destination === (family === 4 ? '0.0.0.0/0' : '::/0')),
  );
  const rebuilt: EndpointRecord = { ...endpoint, attachment: { ...attachment, interface: `${driver.interfacePrefix}${number}`, handedOver: false, leads } };
  await context.store.commit([{ key: endpointKey(endpoint.id), value: rebuilt }]);
  context.ledger.putEndpoint(rebuilt);
}

async function removeStrays(context: Context): Promise<string[]> {
  const { links, namespaces } = await findStrays(context);
  await context.kernel.apply([
    ...namespaces.map(({ name, label }): Op => ({ op: 'namespace-delete', name, label })),
    ...links.map((name): Op => ({ op: 'link-delete', namespace: HOST, name })),
  ]);
  return [...links.map((name) => `stray link ${name} removed`), ...namespaces.map(({ name }) => `stray namespace '${name}' removed`)];
}

/** What carries our label and nobody wants: what a crash left behind. */
interface Strays {
  /** Names of links of the host. */
  readonly links: readonly string[];
  readonly namespaces: readonly { readonly name: string; readonly label: string }[];
}

/** Looks for links and named namespaces that carry our label and that nobody wants. */
export async function findStrays(context: Context): Promise<Strays> {
  const prefix = `netctl:${context.store.instanceId}:`;
  const wanted = new Set(context.applier.links().filter(({ namespace }) => namespace === HOST).map(({ name }) => name));
  const { live, doomed } = context.groups;
  const known = new Set([...context.ledger.sandboxes.values()].map(({ namespace }) => namespace));
  const unknown = (await context.kernel.namespaceNames()).map((name) => `${NAMESPACE_FOLDER}/${name}`).filter((path) => !known.has(path));
  const found = await context.kernel.findNamespaces(unknown);
  const [host] = await context.kernel.snapshot([HOST]);
  return {
    // The group comes with a link, its label a moment later. Those of the doomed group are on their way out already.
    links: (host?.links ?? [])
      .filter(({ alias = '', name, group }) => (alias.startsWith(prefix) || (alias === '' && group === live)) && !wanted.has(name) && group !== doomed)
      .map(({ name }) => name),
    namespaces: found.flatMap(({ path, label }) => (label?.startsWith(prefix) === true ? [{ name: path.slice(NAMESPACE_FOLDER.length + 1), label }] : [])),
  };
}

/** What differs between the kernel and the wanted state, a sentence each, without repairing it. */
export async function drift(context: Context): Promise<string[]> {
  const sandboxes = await sandboxDrift(context);
  return [...sandboxes.map(({ message }) => message), ...(await linkDrift(context))];
}

/** The part of {@link drift} that is about links, and the ways to the name server. */
export async function linkDrift(context: Context): Promise<string[]> {
  const { ledger, applier, names } = context;
  const lost = await lostAttachments(context);
  const wanted = merge([...allChanges(ledger).filter(({ id }) => !lost.has(id)), ...names.changes()]);
  // Those that are joining again are a matter of their plugin.
  const newlyLost = [...lost].flatMap(([id, sentence]) => (ledger.unjoined.has(id) ? [] : [sentence]));
  // Many operations may say the same of one link.
  return [...new Set([...(await goneLinks(context)), ...newlyLost, ...sentences(await applier.compare(wanted)).map(({ wrong }) => wrong)])];
}

/** What operations that bring links back say about what was wrong; of a link made again, only that. */
function sentences(ops: readonly Op[]): { readonly wrong: string; readonly repaired: string }[] {
  const made = new Set(ops.flatMap((op) => (op.op === 'link-add' ? [linkKey(op), ...(op.kind.type === 'veth' ? [linkKey(op.kind.peer)] : [])] : [])));
  const tables = tableRepairs(ops).filter(({ namespace, link }) => !made.has(linkKey({ namespace, name: link })));
  const links = ops.flatMap((op) => {
    switch (op.op) {
      case 'link-add':
        return [{ wrong: `link ${op.name}${where(op.namespace)} is missing`, repaired: `link ${op.name}${where(op.namespace)} made again` }];
      case 'address-add':
        return made.has(linkKey({ ...op, name: op.link })) ? [] : [{ wrong: `address ${op.address} is missing on ${op.link}`, repaired: `address ${op.address} on ${op.link} restored` }];
      case 'route-add':
        return made.has(linkKey({ ...op, name: op.link })) ? [] : [{ wrong: `route ${op.destination} by ${op.link} is missing`, repaired: `route ${op.destination} by ${op.link} restored` }];
      case 'redirect-set':
        return [{ wrong: `the way to the name server is missing in ${op.namespace}`, repaired: `the way to the name server restored in ${op.namespace}` }];
      case 'sysctl-set':
        // net/FAMILY/conf/LINK/KEY
        return made.has(linkKey({ ...op, name: op.key.split('/')[3] ?? '' })) ? [] : [{ wrong: `sysctl ${op.key} is not ${op.value}`, repaired: `sysctl ${op.key} set to ${op.value}` }];
      case 'wireguard-set':
      case 'wireguard-peer-set':
      case 'wireguard-peer-delete':
        return made.has(linkKey({ ...op, name: op.link })) ? [] : [{ wrong: `link ${op.link} has not the keys and peers that it should have`, repaired: `keys and peers of link ${op.link} set right` }];
      case 'bridge-port-set':
      case 'link-set':
        return made.has(linkKey(op)) ? [] : [{ wrong: `link ${op.name} is not as it should be`, repaired: `link ${op.name} set right` }];
      default:
        return [];
    }
  });
  return [...links, ...tables];
}

function where(namespace: string): string {
  return namespace === HOST ? '' : ` in ${namespace}`;
}
