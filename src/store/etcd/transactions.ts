import { conflictOf, type CheckedChange } from '../checked-change.ts';
import { OutcomeUnknown } from '../outcome-unknown.ts';
import type { Check } from '../store.ts';
import type { Gateway } from './gateway.ts';
import type { Identity } from './identity.ts';
import { base64, text, type KeySpace } from './key-space.ts';
import type { Compare, RangeAnswer, RangeRequest, RequestOp, TxnAnswer, TxnRequest } from './messages.ts';
import { writeTag } from './write-tag.ts';

/** A change, looked at, and the lease that its key goes with (int64 as text). */
export interface EtcdChange extends CheckedChange {
  readonly lease: string | undefined;
}

/** What a read found. */
export interface ReadAnswer {
  readonly ranges: readonly RangeAnswer[];
  /** Of the servers, at that moment. */
  readonly revision: number;
}

/** Everything that is read or written, all of it as transactions that depend on the store being the one that was opened. */
export class Transactions {
  readonly #gateway: Gateway;
  readonly #keys: KeySpace;
  readonly #identity: Identity;
  readonly #random: () => number;

  /** @param random gives numbers from 0 up to 1 */
  constructor(gateway: Gateway, keys: KeySpace, identity: Identity, random: () => number) {
    this.#gateway = gateway;
    this.#keys = keys;
    this.#identity = identity;
    this.#random = random;
  }

  /** Reads ranges at one moment, which is not before the call. @throws {NetworkError} CORRUPT when the store is another one; UNAVAILABLE */
  async read(...ranges: readonly RangeRequest[]): Promise<ReadAnswer> {
    const request: TxnRequest = {
      compare: [this.#identity.compare],
      success: ranges.map((range) => ({ request_range: range })),
      failure: [this.#identity.question],
    };
    const { answer, endpoint } = await this.#gateway.call<TxnAnswer>('kv/txn', request, 'read');
    if (answer.succeeded !== true) this.#identity.check(answer, endpoint);
    return { ranges: (answer.responses ?? []).map(({ response_range: range = {} }) => range), revision: revisionOf(answer) };
  }

  /**
   * Carries a commit out. @returns its revision
   * @throws {NetworkError} as {@link SharedStore.commit}
   */
  async write(changes: readonly EtcdChange[], checks: readonly Check[]): Promise<number> {
    const tagged = changes.find(({ text: value, expected }) => value !== undefined && expected !== undefined);
    const tag = tagged === undefined ? '' : writeTag(this.#random);
    const conditions = [...changes, ...checks].filter(({ expected }) => expected !== undefined);
    const request: TxnRequest = {
      compare: [this.#identity.compare, ...conditions.map((condition) => this.#compare(condition))],
      success: changes.map((change) => this.#operation(change, change === tagged ? tag : '')),
      failure: [this.#identity.question, ...conditions.map(({ key }) => ({ request_range: { key: this.#keys.encode(key) } }))],
    };
    // Once carried out, a write is no longer what its own condition allows: a second one changes nothing.
    const { answer, endpoint, isRepeated } = await this.#gateway.call<TxnAnswer>('kv/txn', request, isGuarded(changes) ? 'guarded' : 'once');
    if (answer.succeeded === true) return revisionOf(answer);
    this.#identity.check(answer, endpoint);
    const found = conditions.map((_, at) => answer.responses?.[at + 1]?.response_range?.kvs?.[0]);
    if (isRepeated) {
      const mine = tagged === undefined ? undefined : found[conditions.indexOf(tagged)];
      if (mine !== undefined && text(mine.value) === `${tagged?.text ?? ''}${tag}`) return Number(mine.mod_revision);
    }
    const present = found.map((entry) => (entry === undefined ? undefined : Number(entry.mod_revision)));
    const conflict = conditions.map((condition, at) => conflictOf(condition, present[at])).find((one) => one !== undefined);
    if (conflict === undefined || (isRepeated && tagged === undefined)) throw new OutcomeUnknown(`etcd at ${endpoint} answered after the commit had been sent twice`);
    throw conflict;
  }

  /** A key that is not there has revision 0 for etcd too. */
  #compare({ key, expected }: EtcdChange | Check): Compare {
    return { target: 'MOD', key: this.#keys.encode(key), mod_revision: String(expected) };
  }

  #operation({ key, text: value, lease }: EtcdChange, tag: string): RequestOp {
    const encoded = this.#keys.encode(key);
    if (value === undefined) return { request_delete_range: { key: encoded } };
    return { request_put: { key: encoded, value: base64(value + tag), ...(lease === undefined ? {} : { lease }) } };
  }
}

/** Whether carrying it out makes one of its own conditions fail. */
function isGuarded(changes: readonly EtcdChange[]): boolean {
  return changes.some(({ text: value, expected }) => expected !== undefined && (value !== undefined || expected > 0));
}

function revisionOf(answer: TxnAnswer): number {
  return Number(answer.header?.revision ?? 0);
}
