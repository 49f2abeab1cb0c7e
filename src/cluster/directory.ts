import type { Entry, Listing, StoreEvent } from '../store/store.ts';
import { readRecord, type SharedRecord } from './read-record.ts';
import type { BlockRecord, ClaimRecord, HostRecord, JoinedRecord, RecallRecord, SharedEndpoint, SharedNetwork } from './records.ts';

/** A record with the revision that wrote it. */
export interface Revised<Record> {
  readonly record: Record;
  readonly revision: number;
}

/** What changed. */
export interface News {
  /** Ids of hosts that came, changed or went. */
  readonly hosts: ReadonlySet<string>;
  readonly networks: ReadonlySet<string>;
  /** Ids of endpoints that came, changed or went, by network. */
  readonly endpoints: ReadonlyMap<string, ReadonlySet<string>>;
  /** Ids of the networks in which somebody took blocks, gave some back or asked for some, or which an engine joined or left. */
  readonly blocks: ReadonlySet<string>;
  /** Keys of claims. */
  readonly claims: ReadonlySet<string>;
  /** What made no sense and is passed over, a sentence each. */
  readonly nonsense: readonly string[];
}

interface Noted {
  hosts: Set<string>;
  networks: Set<string>;
  endpoints: Map<string, Set<string>>;
  blocks: Set<string>;
  claims: Set<string>;
  nonsense: string[];
}

/** What stands in the shared store, in memory: as far as the watch has come. */
export class Directory {
  readonly hosts: Map<string, HostRecord> = new Map();
  readonly networks: Map<string, SharedNetwork> = new Map();
  readonly claims: Map<string, Revised<ClaimRecord>> = new Map();
  /** By network. */
  readonly recalls: Map<string, RecallRecord> = new Map();
  /** By network, then by the endpoint's id. */
  readonly endpoints: Map<string, Map<string, Revised<SharedEndpoint>>> = new Map();
  /** The same by host, then by key. */
  readonly endpointsOfHost: Map<string, Map<string, SharedEndpoint>> = new Map();
  /** By network, then by CIDR. */
  readonly blocks: Map<string, Map<string, Revised<BlockRecord>>> = new Map();
  /** By network, then by host. */
  readonly joined: Map<string, Map<string, Revised<JoinedRecord>>> = new Map();
  /** Revisions of everything that is there, by key: also of what is only looked up by its key. */
  readonly #entries = new Map<string, { readonly revision: number; readonly shared: SharedRecord | undefined }>();

  /** Everything up to here is known. */
  revision = 0;

  /** The revision that wrote a key; 0 where there is none. */
  revisionOf(key: string): number {
    return this.#entries.get(key)?.revision ?? 0;
  }

  /** Keys of everything that is there. */
  keys(): Iterable<string> {
    return this.#entries.keys();
  }

  /** Takes in the changes of a commit. One that is known already, because everything was read meanwhile, changes nothing. */
  take(revision: number, events: readonly StoreEvent[]): News {
    const noted = nothingNew();
    if (revision <= this.revision) return noted;
    this.revision = revision;
    for (const event of events) this.#put(event, noted);
    return noted;
  }

  /** Takes in how everything stands, and finds out what differs: what is not there is gone. What is known at its revision needs no value. */
  replace({ entries, revision }: Listing): News {
    const noted = nothingNew();
    if (revision < this.revision) return noted;
    this.revision = revision;
    const there = new Set(entries.map(({ key }) => key));
    for (const key of this.#entries.keys()) if (!there.has(key)) this.#put({ key, value: undefined, revision: 0 }, noted);
    for (const entry of entries) if (this.#entries.get(entry.key)?.revision !== entry.revision) this.#put(entry, noted);
    return noted;
  }

  #put({ key, value, revision }: Entry, noted: Noted): void {
    const before = this.#entries.get(key)?.shared;
    if (before !== undefined) this.#forget(before, key, noted);
    if (value === undefined) return void this.#entries.delete(key);
    const read = readRecord(key, value);
    if (typeof read === 'string') noted.nonsense.push(read);
    const shared = typeof read === 'string' ? undefined : read;
    this.#entries.set(key, { revision, shared });
    if (shared !== undefined) this.#note(shared, key, revision, noted);
  }

  #note(shared: SharedRecord, key: string, revision: number, noted: Noted): void {
    switch (shared.kind) {
      case 'host':
        noted.hosts.add(shared.record.id);
        return void this.hosts.set(shared.record.id, shared.record);
      case 'network':
        noted.networks.add(shared.record.id);
        return void this.networks.set(shared.record.id, shared.record);
      case 'endpoint':
        noteEndpoint(noted, shared.record);
        inner(this.endpointsOfHost, shared.record.hostId).set(key, shared.record);
        return void inner(this.endpoints, shared.record.networkId).set(shared.record.id, { record: shared.record, revision });
      case 'block':
        noted.blocks.add(shared.record.networkId);
        return void inner(this.blocks, shared.record.networkId).set(shared.record.block, { record: shared.record, revision });
      case 'joined':
        noted.blocks.add(shared.record.networkId);
        return void inner(this.joined, shared.record.networkId).set(shared.record.hostId, { record: shared.record, revision });
      case 'claim':
        noted.claims.add(key);
        return void this.claims.set(key, { record: shared.record, revision });
      case 'recall':
        noted.blocks.add(shared.record.networkId);
        return void this.recalls.set(shared.record.networkId, shared.record);
    }
  }

  #forget(shared: SharedRecord, key: string, noted: Noted): void {
    switch (shared.kind) {
      case 'host':
        noted.hosts.add(shared.record.id);
        return void this.hosts.delete(shared.record.id);
      case 'network':
        noted.networks.add(shared.record.id);
        return void this.networks.delete(shared.record.id);
      case 'endpoint':
        noteEndpoint(noted, shared.record);
        drop(this.endpointsOfHost, shared.record.hostId, key);
        return drop(this.endpoints, shared.record.networkId, shared.record.id);
      case 'block':
        noted.blocks.add(shared.record.networkId);
        return drop(this.blocks, shared.record.networkId, shared.record.block);
      case 'joined':
        noted.blocks.add(shared.record.networkId);
        return drop(this.joined, shared.record.networkId, shared.record.hostId);
      case 'claim':
        noted.claims.add(key);
        return void this.claims.delete(key);
      case 'recall':
        noted.blocks.add(shared.record.networkId);
        return void this.recalls.delete(shared.record.networkId);
    }
  }
}

function nothingNew(): Noted {
  return { hosts: new Set(), networks: new Set(), endpoints: new Map(), blocks: new Set(), claims: new Set(), nonsense: [] };
}

function noteEndpoint({ endpoints }: Noted, { networkId, id }: SharedEndpoint): void {
  endpoints.set(networkId, (endpoints.get(networkId) ?? new Set()).add(id));
}

function inner<V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> {
  const known = map.get(key);
  if (known !== undefined) return known;
  const fresh = new Map<string, V>();
  map.set(key, fresh);
  return fresh;
}

function drop<V>(map: Map<string, Map<string, V>>, key: string, innerKey: string): void {
  const members = map.get(key);
  members?.delete(innerKey);
  if (members?.size === 0) map.delete(key);
}
