/** Making, adopting and removing sandboxes. */
import { NetworkError } from '../common/error.ts';
import { requireHostname, requireSandboxName } from '../common/name.ts';
import { quote } from '../common/quote.ts';
import type { Op } from '../kernel/op.ts';
import { cableDeletions, cableEvent } from './cables.ts';
import { checkNames } from './check-names.ts';
import { newId, timestamp, type Context } from './context.ts';
import { departed, departures } from './departures.ts';
import { draftEndpoint, endpointDeletions, endpointEvent, endpointKey, forgetEndpoint } from './endpoints.ts';
import { bidFarewell, endpointFarewells, farewellChanges } from './farewells.ts';
import { holdNamespace } from './held-namespace.ts';
import { interfaceNames } from './interface-names.ts';
import { claimPorts, forgetFlows } from './publishing.ts';
import { sandboxKey, type EndpointRecord, type SandboxRecord } from './records.ts';
import type { AdoptRequest, SandboxRequest } from './requests.ts';
import { isServed } from './sandbox-files.ts';
import { removal, sandboxChanges } from './wanted.ts';

/** Where `ip netns` keeps its names. */
export const NAMESPACE_FOLDER = '/run/netns';

/**
 * Makes a network namespace that `ip netns` knows, with its networks and ports.
 * @throws {NetworkError} INVALID, EXISTS, NOT_FOUND, IN_USE (port), EXHAUSTED, KERNEL; nothing is left then
 */
export async function createSandbox(context: Context, request: SandboxRequest, signal?: AbortSignal): Promise<SandboxRecord> {
  const namespace = `${NAMESPACE_FOLDER}/${requireSandboxName(request.name)}`;
  refuseTaken(context, request.name);
  if ((await context.kernel.namespaceIdentity(namespace)) !== undefined) {
    throw new NetworkError('EXISTS', `network namespace ${quote(request.name)} exists already: choose another name, or 'netctl sandbox adopt --netns ${namespace} NAME'`);
  }
  const draft = draftSandbox(context, request, { kind: 'named', namespace, ...(request.lease === undefined ? {} : { lease: request.lease }) });
  return settle(context, draft, request, signal);
}

/**
 * Takes in a namespace that is there already: a container's, a process's, one of `ip netns`.
 * It is only used: removing the sandbox takes our interfaces out and leaves the rest.
 * @throws {NetworkError} INVALID when the path is no network namespace, EXISTS when it is adopted already
 */
export async function adoptSandbox(context: Context, request: AdoptRequest, signal?: AbortSignal): Promise<SandboxRecord> {
  requireSandboxName(request.name);
  const { namespace } = request;
  const identity = await foreignIdentity(context, namespace);
  const other = await sandboxIn(context, namespace, identity);
  if (other !== undefined) throw new NetworkError('EXISTS', `${quote(namespace)} is sandbox ${quote(other.name)} already`);
  return settle(context, draftSandbox(context, request, { kind: 'adopted', namespace, identity }), request, signal);
}

/**
 * `device:inode` of a namespace that somebody else made.
 * @throws {NetworkError} INVALID when the path is no network namespace, or the host's own
 */
export async function foreignIdentity({ kernel }: Context, namespace: string): Promise<string> {
  const identity = await kernel.namespaceIdentity(namespace);
  if (identity === undefined) throw new NetworkError('INVALID', `${quote(namespace)} is no network namespace: give the path of one, as in /run/netns/NAME or /proc/PID/ns/net`);
  if (identity === (await kernel.namespaceIdentity('/proc/self/ns/net'))) {
    throw new NetworkError('INVALID', `${quote(namespace)} is the host's own network namespace: a sandbox needs one of its own`);
  }
  return identity;
}

/** The sandbox that a namespace is already. The kernel is asked about each sandbox once: asking about 500 at every adoption took 20 ms. */
export async function sandboxIn({ kernel, ledger }: Context, namespace: string, identity: string): Promise<SandboxRecord | undefined> {
  for (const sandbox of ledger.sandboxes.values()) {
    if (sandbox.namespace === namespace) return sandbox;
    const known = sandbox.identity ?? ledger.identities.get(sandbox.id);
    if (known !== undefined && known !== identity) continue;
    // An inode number is given again: what was known may be of a namespace that is gone.
    const now = await kernel.namespaceIdentity(sandbox.namespace);
    if (now !== undefined) ledger.identities.set(sandbox.id, now);
    if (now === identity) return sandbox;
  }
  return undefined;
}

/**
 * Removes a sandbox: its endpoints, ports and, if we made it, its namespace. Programs that run in it
 * go on, in a namespace without a name.
 * @throws {NetworkError} NOT_FOUND
 */
export async function removeSandbox(context: Context, reference: string): Promise<void> {
  await remove(context, context.ledger.sandbox(reference), []);
}

/**
 * Removes a sandbox that lived for a process, and kills whatever that has left running in it.
 * @throws {NetworkError} NOT_FOUND, FORBIDDEN for one that lives on its own
 */
export async function endLease(context: Context, reference: string): Promise<void> {
  const sandbox = context.ledger.sandbox(reference);
  const { name, lease } = sandbox;
  if (lease === undefined) throw new NetworkError('FORBIDDEN', `sandbox ${quote(name)} lives on its own: 'netctl sandbox rm' removes it`);
  await remove(context, sandbox, [{ op: 'processes-end', name, label: namespaceLabel(context.store.instanceId, sandbox) }]);
}

async function remove(context: Context, sandbox: SandboxRecord, before: readonly Op[]): Promise<void> {
  const { ledger, store, applier, hostPorts } = context;
  const endpoints = ledger.endpointsOfSandbox(sandbox.id);
  const events = endpoints.map((endpoint) => endpointEvent(context, 'disconnect', endpoint));
  await context.names.withdraw(sandbox);
  const inside = departures(context, endpoints);
  const cables = ledger.cablesOfSandbox(sandbox.id).map(({ record }) => record);
  // A namespace of ours is found by its label; what is plugged into others is not.
  const notes = [...(sandbox.kind === 'adopted' ? inside : []), ...departures(context, cables)];
  const held = inside.length === 0 || sandbox.kind === 'adopted' ? undefined : await holdNamespace(sandbox.namespace);
  const farewells = endpointFarewells(ledger, endpoints);
  await store.commit([{ key: sandboxKey(sandbox.id) }, ...endpointDeletions(endpoints), ...cableDeletions(cables), ...notes, ...farewellChanges(farewells)]);
  bidFarewell(context, farewells);
  await context.dhcp.release(endpoints);
  for (const endpoint of endpoints) forgetEndpoint(context, endpoint);
  for (const { id } of cables) ledger.cables.delete(id);
  ledger.sandboxes.delete(sandbox.id);
  ledger.identities.delete(sandbox.id);
  ledger.displaced.delete(sandbox.id);
  hostPorts.release(sandbox.id);
  await applier.transition(
    [...endpoints, ...cables].map(({ id }) => removal(id)),
    { before, after: [...dropNamespace(store.instanceId, sandbox), ...forgetFlows(sandbox.ports, endpoints)], vanishing: vanishing(sandbox), onFailure: 'forward' },
  );
  for (const endpoint of endpoints) context.staleFlows.left(endpoint);
  departed(context, notes);
  // The other end of a veth pair goes with ours; a link without one waits in the namespace, which has no name any more.
  if (held !== undefined) context.reaper.wake([held.path], held);
  for (const event of [...events, ...cables.map((cable) => cableEvent('remove', cable))]) context.events.emit(event);
  context.events.emit({ type: 'sandbox', action: 'remove', id: sandbox.id, name: sandbox.name });
}

/** Operations that make a sandbox's namespace. */
export function makeNamespace(instance: string, sandbox: SandboxRecord): Op[] {
  const { kind, namespace, name } = sandbox;
  const sysctls = Object.entries(sandbox.sysctls).map(([key, value]) => ({ key, value }));
  if (kind === 'adopted') {
    // Names are asked for at an address of the loopback link.
    const loopback: Op[] = isServed(sandbox) ? [{ op: 'link-set', namespace, name: 'lo', up: true }] : [];
    return [...loopback, ...sysctls.map((sysctl): Op => ({ op: 'sysctl-set', namespace, ...sysctl }))];
  }
  return [{ op: 'namespace-add', name, label: namespaceLabel(instance, sandbox), sysctls }];
}

/** Operations that take it away, if it is still ours. */
function dropNamespace(instance: string, sandbox: SandboxRecord): Op[] {
  return sandbox.kind === 'named' ? [{ op: 'namespace-delete', name: sandbox.name, label: namespaceLabel(instance, sandbox) }] : [];
}

/** Alias of the loopback link of a sandbox's namespace: the namespace itself carries no label. */
export function namespaceLabel(instance: string, { id }: Pick<SandboxRecord, 'id'>): string {
  return `netctl:${instance}:${id.slice(0, 12)}`;
}

function vanishing(sandbox: SandboxRecord): ReadonlySet<string> {
  return new Set(sandbox.kind === 'named' ? [sandbox.namespace] : []);
}

type Place = Pick<SandboxRecord, 'kind' | 'namespace'> & Partial<Pick<SandboxRecord, 'identity' | 'lease'>>;

function refuseTaken({ ledger }: Context, name: string): void {
  if (ledger.sandboxNamed(name) !== undefined) throw new NetworkError('EXISTS', `sandbox ${quote(name)} exists already: choose another name or remove it first`);
}

function draftSandbox(context: Context, request: Omit<SandboxRequest, 'lease'>, place: Place): SandboxRecord {
  refuseTaken(context, request.name);
  checkNames(context.ledger, request);
  const record: SandboxRecord = {
    ...place,
    id: newId(context),
    name: request.name,
    created: timestamp(context),
    hostname: requireHostname(request.hostname ?? request.name.replaceAll('_', '-').replace(/[.-]+$/, '')),
    labels: request.labels ?? {},
    extraHosts: request.extraHosts ?? [],
    dns: { servers: request.dns?.servers ?? [], search: request.dns?.search ?? [], options: request.dns?.options ?? [] },
    links: request.links ?? [],
    sysctls: Object.fromEntries(Object.entries(request.sysctls ?? {}).map(checkSysctl)),
    exposed: request.exposed ?? [],
    ports: [],
  };
  const kept = context.files.present(record);
  return kept.length === 0 ? record : { ...record, kept };
}

async function settle(context: Context, draft: SandboxRecord, request: Omit<SandboxRequest, 'lease'>, signal?: AbortSignal): Promise<SandboxRecord> {
  const { ledger, store, applier, hostPorts } = context;
  const endpoints: EndpointRecord[] = [];
  const undo = (): void => {
    for (const endpoint of endpoints) forgetEndpoint(context, endpoint);
    ledger.sandboxes.delete(draft.id);
    hostPorts.release(draft.id);
  };
  let sandbox = draft;
  let written = false;
  try {
    ledger.sandboxes.set(draft.id, draft);
    const used = await interfaceNames(context, draft);
    for (const wish of request.networks ?? []) {
      const endpoint = draftEndpoint(context, draft, wish, used);
      endpoints.push(endpoint);
      ledger.putEndpoint(endpoint);
    }
    sandbox = await claimPorts(context, draft, request.ports ?? []);
    ledger.sandboxes.set(sandbox.id, sandbox);
    const puts = endpoints.map((endpoint) => ({ key: endpointKey(endpoint.id), value: endpoint, expected: 0 }));
    await store.commit([{ key: sandboxKey(sandbox.id), value: sandbox, expected: 0 }, ...puts]);
    written = true;
    await applier.transition(sandboxChanges(ledger, sandbox.id), {
      before: makeNamespace(store.instanceId, sandbox),
      undo: dropNamespace(store.instanceId, sandbox),
      after: forgetFlows(sandbox.ports, endpoints),
      onFailure: 'back',
      signal,
    });
  } catch (error) {
    undo();
    if (written) await store.commit([{ key: sandboxKey(draft.id) }, ...endpointDeletions(endpoints)]);
    throw error;
  }
  context.events.emit({ type: 'sandbox', action: sandbox.kind === 'named' ? 'create' : 'adopt', id: sandbox.id, name: sandbox.name });
  for (const endpoint of endpoints) context.events.emit(endpointEvent(context, 'connect', endpoint));
  return sandbox;
}

function checkSysctl([name, value]: [string, string]): [string, string] {
  if (!/^net\.[A-Za-z0-9_.-]+$/.test(name) || name.includes('..') || !/^[-0-9A-Za-z _\t]{1,64}$/.test(value)) {
    throw new NetworkError('INVALID', `sysctl ${quote(`${name}=${value}`)}: must be net.…=VALUE, the network namespace's own`);
  }
  return [name.replaceAll('.', '/'), value];
}
