import { NetworkError } from '../common/error.ts';
import { macFromUser, randomMac } from '../common/mac.ts';
import { requireCableName, requireInterfaceName } from '../common/name.ts';
import { quote } from '../common/quote.ts';
import { cableAddresses } from './cable-addresses.ts';
import { cableChange, reaches } from './cable-state.ts';
import { cableEvent, liveCable } from './cables.ts';
import { newId, timestamp, type Context } from './context.ts';
import { requireNamespace } from './endpoints.ts';
import { interfaceNames, nextInterface } from './interface-names.ts';
import type { LiveCable } from './ledger.ts';
import { cableKey, type CableEndRecord, type CablePlace, type CableRecord } from './records.ts';
import type { CableEndRequest, CableRequest } from './requests.ts';
import { foreignIdentity, sandboxIn } from './sandboxes.ts';

/** Bytes (Ethernet). */
const DEFAULT_MTU = 1500;
/** What a veth pair takes (ETH_MIN_MTU and ETH_MAX_MTU in linux/if_ether.h), and the least for IPv6 (RFC 8200 §5). */
const MTU = { least: 68, leastForIpv6: 1280, largest: 65535 } as const;
const PREFIX = 'eth';

/** Where an end is going to be plugged in. */
interface Socket {
  readonly place: CablePlace;
  /** What people call the place. */
  readonly called: string;
  /** Names of the interfaces that are there. */
  readonly used: ReadonlySet<string>;
}

/**
 * Puts a veth pair between two sandboxes.
 * @throws {NetworkError} INVALID, EXISTS (name or interface taken), NOT_FOUND, UNAVAILABLE (a sandbox has lost its namespace), KERNEL; nothing is left then
 */
export async function createCable(context: Context, request: CableRequest, signal?: AbortSignal): Promise<LiveCable> {
  const { ledger, store, applier, events } = context;
  const cable = liveCable(context, await draftCable(context, request));
  const { record } = cable;
  await store.commit([{ key: cableKey(record.id), value: record, expected: 0 }]);
  ledger.cables.set(record.id, cable);
  try {
    await applier.transition([cableChange(ledger, cable)], { onFailure: 'back', signal });
  } catch (error) {
    ledger.cables.delete(record.id);
    await store.commit([{ key: cableKey(record.id) }]);
    throw error;
  }
  events.emit(cableEvent('create', record));
  return cable;
}

async function draftCable(context: Context, { name, ends: [first, second], mtu = DEFAULT_MTU }: CableRequest): Promise<CableRecord> {
  const id = newId(context);
  const [near, far] = [await findSocket(context, first), await findSocket(context, second)];
  if (placeOf(near.place) === placeOf(far.place)) throw new NetworkError('INVALID', `both ends of the link are in ${quote(near.called)}: a link joins two sandboxes`);
  const [own = [], other = []] = cableAddresses([first.addresses ?? [], second.addresses ?? []]);
  const ends = [plug(context, near, first, own), plug(context, far, second, other)] as const;
  checkMtu(mtu, [...own, ...other].some((address) => address.includes(':')));
  return {
    id,
    name: name === undefined ? freeName(context, `${near.called}-${far.called}`, id) : requireFree(context, requireCableName(name)),
    created: timestamp(context),
    mtu,
    metric: freeMetric(context, ends),
    ends,
  };
}

async function findSocket(context: Context, { sandbox, namespace }: CableEndRequest): Promise<Socket> {
  if (sandbox !== undefined && namespace === undefined) return ofSandbox(context, sandbox);
  if (sandbox !== undefined || namespace === undefined) throw new NetworkError('INVALID', 'each end of a link is a sandbox or a namespace, one of the two');
  const identity = await foreignIdentity(context, namespace);
  const known = await sandboxIn(context, namespace, identity);
  if (known !== undefined) return ofSandbox(context, known.id);
  const called = namespace.replace(/^\/proc\/(\d+)\/ns\/net$/, 'pid$1').replace(/^.*\//, '');
  return { place: { namespace, identity }, called, used: await presentInterfaces(context, namespace) };
}

async function ofSandbox(context: Context, reference: string): Promise<Socket> {
  const sandbox = context.ledger.sandbox(reference);
  requireNamespace(context, sandbox);
  // People make links of their own in there, too.
  const used = new Set([...(await interfaceNames(context, sandbox)), ...(await presentInterfaces(context, sandbox.namespace))]);
  return { place: { sandboxId: sandbox.id }, called: sandbox.name, used };
}

async function presentInterfaces({ kernel }: Context, namespace: string): Promise<ReadonlySet<string>> {
  const [snapshot] = await kernel.snapshot([namespace]);
  return new Set(snapshot?.links.map(({ name }) => name));
}

function plug(context: Context, { place, called, used }: Socket, request: CableEndRequest, addresses: readonly string[]): CableEndRecord {
  const wanted = request.interface;
  if (wanted !== undefined && used.has(requireInterfaceName(wanted))) {
    throw new NetworkError('EXISTS', `${quote(called)} has an interface ${quote(wanted)} already: choose another name, or leave it out for the next free one`);
  }
  return {
    ...place,
    interface: wanted ?? nextInterface(PREFIX, used),
    mac: request.mac === undefined ? randomMac(context.random) : macFromUser(request.mac),
    addresses,
  };
}

/** Two routes to one address live beside each other only with different metrics. */
function freeMetric({ ledger }: Context, ends: CableRecord['ends']): number {
  const routes = routesOf(ends);
  const rivals = [...ledger.cables.values()].filter(({ record }) => routesOf(record.ends).some((route) => routes.includes(route)));
  const used = new Set(rivals.map(({ record }) => record.metric));
  let metric = 0;
  while (used.has(metric)) metric += 1;
  return metric;
}

/** Where a route stands and where it leads, as texts to be compared. */
function routesOf([near, far]: CableRecord['ends']): string[] {
  return [...reaches(near, far).map((route) => `${placeOf(near)} ${route}`), ...reaches(far, near).map((route) => `${placeOf(far)} ${route}`)];
}

function placeOf(place: CablePlace): string {
  return 'sandboxId' in place ? place.sandboxId : place.identity;
}

function checkMtu(mtu: number, ipv6: boolean): void {
  const least = ipv6 ? MTU.leastForIpv6 : MTU.least;
  if (mtu >= least && mtu <= MTU.largest) return;
  throw new NetworkError('INVALID', `MTU ${mtu} of a link${ipv6 ? ' with IPv6 addresses' : ''}: must be ${least} to ${MTU.largest} bytes`);
}

function requireFree({ ledger }: Context, name: string): string {
  if (isFree(ledger, name)) return name;
  throw new NetworkError('EXISTS', `link ${quote(name)} exists already: choose another name, or leave it out`);
}

/** Several links between the same two are told apart by a number. */
function freeName({ ledger }: Context, name: string, id: string): string {
  for (let number = 1; ; number += 1) {
    const candidate = number === 1 ? name : `${name}-${number}`;
    // Two long names do not fit into one.
    if (candidate.length > 64) return id.slice(0, 12);
    if (isFree(ledger, candidate)) return candidate;
  }
}

function isFree(ledger: Context['ledger'], name: string): boolean {
  return [...ledger.cables.values()].every(({ record }) => record.name !== name);
}
