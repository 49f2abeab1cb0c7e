/**
 * Start, repair and `doctor --fix`: from whatever the kernel holds to what is written down. The
 * same planner as everywhere; only `actual` is read from the kernel.
 */
import { readFile } from 'node:fs/promises';
import { NetworkError } from '../common/error.ts';
import { HOST, type Op } from '../kernel/op.ts';
import type { Context } from './context.ts';
import { convergeAll, goneBridges } from './converge-all.ts';
import { forgetDead, isDead } from './engine-endpoints.ts';
import { endpointKey } from './endpoints.ts';
import type { EndpointRecord, Lease } from './records.ts';
import { makeNamespace, NAMESPACE_FOLDER, removeSandbox } from './sandboxes.ts';
import { adjustSurroundings } from './surroundings.ts';
import { allChanges, endpointChange } from './wanted.ts';

/**
 * Makes the kernel equal to the wanted state.
 * @param known what the caller knows to be wrong: the rule set is put back as a whole, without being looked at
 * @returns what had to be repaired, a sentence each
 */
export async function reconcile(context: Context, known: readonly string[] = []): Promise<string[]> {
  const repairs = [...known, ...(await settleSandboxes(context)), ...(await settleEngineEndpoints(context))];
  const ops = await convergeAll(context);
  repairs.push(...sentences(ops).map(({ repaired }) => repaired), ...(await removeStrays(context)));
  await adjustSurroundings(context);
  for (const repair of new Set(repairs)) context.events.emit({ type: 'host', action: 'repair', id: '', name: repair });
  return [...new Set(repairs)];
}

async function settleSandboxes(context: Context): Promise<string[]> {
  const repairs: string[] = [];
  for (const sandbox of context.ledger.sandboxes.values()) {
    if (sandbox.lease !== undefined && !(await isAlive(sandbox.lease))) {
      await removeSandbox(context, sandbox.id);
      repairs.push(`sandbox '${sandbox.name}' removed: the process it lived for has ended`);
      continue;
    }
    const identity = await context.kernel.namespaceIdentity(sandbox.namespace);
    if (identity === undefined) context.ledger.identities.delete(sandbox.id);
    else context.ledger.identities.set(sandbox.id, identity);
    if (sandbox.kind === 'named' && identity === undefined) {
      // A file without a namespace behind it: a daemon that was killed between the two has left it.
      try {
        await context.kernel.apply([{ op: 'namespace-delete', name: sandbox.name }, ...makeNamespace(context.store.instanceId, sandbox)]);
        repairs.push(`namespace '${sandbox.name}' made again`);
      } catch (error) {
        context.events.warn(`sandbox '${sandbox.name}' is not complete: ${NetworkError.from(error).message}`);
      }
    } else if (sandbox.kind === 'adopted' && identity !== sandbox.identity) {
      await removeSandbox(context, sandbox.id);
      repairs.push(`sandbox '${sandbox.name}' removed: its namespace ${sandbox.namespace} is gone`);
    }
  }
  return repairs;
}

async function settleEngineEndpoints(context: Context): Promise<string[]> {
  const repairs: string[] = [];
  const engine = [...context.ledger.endpoints.values()].filter(({ sandboxId, attachment }) => sandboxId === undefined && attachment !== undefined);
  if (engine.length === 0) return repairs;
  const [host] = await context.kernel.snapshot([HOST]);
  const present = new Set(host?.links.map(({ name }) => name));
  for (const endpoint of engine) {
    const [link] = endpointChange(context.ledger, endpoint).wanted.links;
    if (link === undefined || present.has(link.name)) continue;
    if (await isDead(context, endpoint)) {
      await forgetDead(context, endpoint);
      repairs.push(`endpoint ${endpoint.id.slice(0, 12)} of the engine removed: its container is gone`);
    } else {
      await takeOver(context, endpoint);
    }
  }
  return repairs;
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
    (family) => record.publisher !== 'engine' && driver.givesGateway(family) && !inside?.routes.some(({ destination }) => destination === (family === 4 ? '0.0.0.0/0' : '::/0')),
  );
  const rebuilt: EndpointRecord = { ...endpoint, attachment: { ...attachment, interface: `${driver.interfacePrefix}${number}`, handedOver: false, leads } };
  await context.store.commit([{ key: endpointKey(endpoint.id), value: rebuilt }]);
  context.ledger.putEndpoint(rebuilt);
}

async function removeStrays(context: Context): Promise<string[]> {
  const { links, namespaces } = await findStrays(context);
  await context.kernel.apply([
    ...namespaces.map((name): Op => ({ op: 'namespace-delete', name })),
    ...links.map((name): Op => ({ op: 'link-delete', namespace: HOST, name })),
  ]);
  return [...links.map((name) => `stray link ${name} removed`), ...namespaces.map((name) => `stray namespace '${name}' removed`)];
}

/** Names of links and namespaces that carry our label and that nobody wants: what a crash left behind. */
export async function findStrays(context: Context): Promise<{ readonly links: readonly string[]; readonly namespaces: readonly string[] }> {
  const prefix = `netctl:${context.store.instanceId}:`;
  const wanted = new Set(context.applier.links().map(({ name }) => name));
  const known = new Set([...context.ledger.sandboxes.values()].map(({ namespace }) => namespace));
  const unknown = (await context.kernel.namespaceNames()).map((name) => ({ name, path: `${NAMESPACE_FOLDER}/${name}` })).filter(({ path }) => !known.has(path));
  const [host, ...others] = await context.kernel.snapshot([HOST, ...unknown.map(({ path }) => path)]);
  const left = new Set(others.filter(({ links }) => links.some(({ name, alias }) => name === 'lo' && alias?.startsWith(prefix) === true)).map(({ namespace }) => namespace));
  return {
    // Links of the doomed group are on their way out already.
    links: (host?.links ?? []).filter(({ alias, name, group }) => alias?.startsWith(prefix) === true && !wanted.has(name) && group !== context.groups.doomed).map(({ name }) => name),
    namespaces: unknown.filter(({ path }) => left.has(path)).map(({ name }) => name),
  };
}

/** What differs between the kernel and the wanted state, a sentence each, without repairing it. */
export async function drift(context: Context): Promise<string[]> {
  const { ledger, applier } = context;
  const links = allChanges(ledger).flatMap((change) => change.wanted.links);
  return [...(await goneBridges(context)), ...sentences(await applier.compare(links)).map(({ wrong }) => wrong)];
}

/** Whether a lease's process still runs. */
export async function isAlive(lease: Lease): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${lease.pid}/stat`, 'utf8');
    // The command name (field 2) may hold spaces and parentheses: count from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[19] === lease.startTime && fields[0] !== 'Z';
  } catch {
    return false;
  }
}

/** What operations that bring links back say about what was wrong; of a link made again, only that. */
function sentences(ops: readonly Op[]): { readonly wrong: string; readonly repaired: string }[] {
  const made = new Set(ops.flatMap((op) => (op.op === 'link-add' ? [linkKey(op), ...(op.kind.type === 'veth' ? [linkKey(op.kind.peer)] : [])] : [])));
  return ops.flatMap((op) => {
    switch (op.op) {
      case 'link-add':
        return [{ wrong: `link ${op.name} is missing`, repaired: `link ${op.name} made again` }];
      case 'address-add':
        return made.has(linkKey({ ...op, name: op.link })) ? [] : [{ wrong: `address ${op.address} is missing on ${op.link}`, repaired: `address ${op.address} on ${op.link} restored` }];
      case 'route-add':
        return made.has(linkKey({ ...op, name: op.link })) ? [] : [{ wrong: `route ${op.destination} by ${op.link} is missing`, repaired: `route ${op.destination} by ${op.link} restored` }];
      case 'sysctl-set':
        return [{ wrong: `sysctl ${op.key} is not ${op.value}`, repaired: `sysctl ${op.key} set to ${op.value}` }];
      case 'bridge-port-set':
      case 'link-set':
        return made.has(linkKey(op)) ? [] : [{ wrong: `link ${op.name} is not as it should be`, repaired: `link ${op.name} set right` }];
      default:
        return [];
    }
  });
}

function linkKey({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace} ${name}`;
}
