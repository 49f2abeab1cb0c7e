/** What is learnt about an engine's objects outside of its calls: their names, whose they are, and that they are gone. */
import { requireNetworkName } from '../common/name.ts';
import type { Context } from './context.ts';
import { endpointKey } from './endpoints.ts';
import { deleteEngineEndpoint, forgetDead, isDead, isLeft } from './engine-endpoints.ts';
import { networkKey, openNetwork } from './networks.ts';
import { engineNetworkKey, poolKey, type ContainerRecord, type EndpointRecord, type EngineNetworkRecord, type NetworkRecord, type PoolRecord } from './records.ts';

/** What an engine says about a network that its own call to make it does not say. */
export interface NetworkKnowledge {
  readonly name: string;
  /** Id of the engine. */
  readonly engine: string;
}

/** What an engine says about the container of an endpoint. */
export interface ContainerKnowledge extends ContainerRecord {
  readonly name: string;
  /** Its other names in the endpoint's network. */
  readonly aliases: readonly string[];
}

/**
 * Writes down what an engine calls its network, and which engine it is. A name that is taken here,
 * or that only an engine allows, is not taken over. Nothing to do for an unknown network.
 */
export async function learnNetwork(context: Context, id: string, { name, engine }: NetworkKnowledge): Promise<void> {
  const joined = context.ledger.engineNetworks.get(id);
  if (joined !== undefined) return learnJoined(context, joined, name, engine);
  const known = context.ledger.networks.get(id)?.record;
  if (known === undefined || known.owner !== 'engine') return;
  const learnt: NetworkRecord = { ...known, engine, name: isFree(context, id, name) ? name : known.name };
  if (learnt.name === known.name && known.engine === engine) return;
  await context.store.commit([{ key: networkKey(id), value: learnt }]);
  context.ledger.networks.set(id, openNetwork(context, learnt));
}

async function learnJoined(context: Context, known: EngineNetworkRecord, name: string, engine: string): Promise<void> {
  if (known.name === name && known.engine === engine) return;
  const learnt: EngineNetworkRecord = { ...known, name, engine };
  await context.store.commit([{ key: engineNetworkKey(known.id), value: learnt }]);
  context.ledger.engineNetworks.set(known.id, learnt);
}

/** Writes down which engine a pool of `tsipam` belongs to. Nothing to do for an unknown pool. */
export async function learnPool(context: Context, id: string, engine: string): Promise<void> {
  const known = context.ledger.pools.get(id);
  if (known === undefined || known.engine === engine) return;
  const learnt: PoolRecord = { ...known, engine };
  await context.store.commit([{ key: poolKey(id), value: learnt }]);
  context.ledger.pools.set(id, learnt);
}

/** Writes down whose endpoint it is. Nothing to do for an unknown one. */
export async function learnContainer(context: Context, endpointId: string, { name, aliases, ...container }: ContainerKnowledge): Promise<void> {
  const known = context.ledger.endpoints.get(endpointId);
  if (known === undefined || known.sandboxId !== undefined) return;
  const learnt: EndpointRecord = { ...known, name, aliases, container };
  await context.store.commit([{ key: endpointKey(endpointId), value: learnt }]);
  context.ledger.putEndpoint(learnt);
}

/**
 * Forgets an endpoint that its engine does not know, if no container can be using it.
 * @returns whether it is gone
 */
export async function dropEndpoint(context: Context, id: string): Promise<boolean> {
  const endpoint = context.ledger.endpoints.get(id);
  if (endpoint === undefined) return true;
  if (endpoint.sandboxId !== undefined) return false;
  if (endpoint.attachment === undefined || (await isDead(context, endpoint))) await forgetDead(context, endpoint);
  // Whoever put the link back frees the address, and may have given it away again.
  else if (await isLeft(context, endpoint)) await deleteEngineEndpoint(context, id);
  else return false;
  return true;
}

function isFree(context: Context, id: string, name: string): boolean {
  const holder = context.ledger.networkNamed(name)?.record.id;
  if (holder !== undefined && holder !== id) return false;
  try {
    requireNetworkName(name);
    return true;
  } catch {
    return false;
  }
}
