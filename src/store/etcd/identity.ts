import { NetworkError } from '../../common/error.ts';
import { quote } from '../../common/quote.ts';
import type { Gateway } from './gateway.ts';
import { base64, text, type KeySpace } from './key-space.ts';
import type { Compare, RequestOp, TxnAnswer, TxnRequest } from './messages.ts';

/** Newer releases that keep things otherwise count it up. */
const SCHEMA = 1;

/**
 * What says which store this is: a key beside the others, written once. Everything that is read or written depends
 * on it, so that servers that were emptied, or restored from elsewhere, are noticed before anything is concluded from
 * what they (do not) have. Their cluster id alone does not tell: it is made of their addresses.
 */
export class Identity {
  readonly instanceId: string;
  readonly #key: string;
  readonly #value: string;

  constructor(keys: KeySpace, instanceId: string) {
    this.instanceId = instanceId;
    this.#key = keys.identity;
    this.#value = base64(valueOf(instanceId));
  }

  /** The condition that goes with everything. */
  get compare(): Compare {
    return { target: 'VALUE', key: this.#key, value: this.#value };
  }

  /** What to ask for in case a condition does not hold. */
  get question(): RequestOp {
    return { request_range: { key: this.#key } };
  }

  /**
   * Looks at the answer to the question.
   * @throws {NetworkError} CORRUPT when the store is not there any more, UNAVAILABLE when a newer release has taken it over
   */
  check(answer: TxnAnswer, endpoint: string): void {
    const found = valueIn(answer);
    if (found !== this.#value) throw changed(this.instanceId, found, endpoint);
  }
}

/**
 * Finds out which store is there, and makes one where there is none.
 *
 * @param expected which one it must be
 * @param fresh eight hex digits for a new one
 * @throws {NetworkError} CORRUPT when it is another one or none, UNAVAILABLE
 */
export async function identify(gateway: Gateway, keys: KeySpace, expected: string | undefined, fresh: string): Promise<Identity> {
  const question: RequestOp = { request_range: { key: keys.identity } };
  // Asked before it is made, so that nothing is written to servers that turn out to be of another cluster.
  let { answer, endpoint } = await gateway.call<TxnAnswer>('kv/txn', { compare: [], success: [question], failure: [] } satisfies TxnRequest, 'read');
  let found = valueIn(answer);
  if (found === undefined) {
    if (expected !== undefined) throw changed(expected, undefined, endpoint);
    const compare: Compare = { target: 'MOD', key: keys.identity, mod_revision: '0' };
    const put: RequestOp = { request_put: { key: keys.identity, value: base64(valueOf(fresh)) } };
    // Made again, it finds what it made before, or what somebody else did: both are as good.
    ({ answer, endpoint } = await gateway.call<TxnAnswer>('kv/txn', { compare: [compare], success: [put, question], failure: [question] } satisfies TxnRequest, 'read'));
    found = valueIn({ responses: answer.responses?.slice(-1) ?? [] });
  }
  const instanceId = instanceOf(found, endpoint);
  if (expected !== undefined && instanceId !== expected) throw changed(expected, found, endpoint);
  return new Identity(keys, instanceId);
}

function valueOf(instanceId: string): string {
  return JSON.stringify({ instance: instanceId, schema: SCHEMA });
}

/** What the first range of an answer found. */
function valueIn({ responses }: Pick<TxnAnswer, 'responses'>): string | undefined {
  return responses?.[0]?.response_range?.kvs?.[0]?.value;
}

function instanceOf(value: string | undefined, endpoint: string): string {
  const plain = text(value);
  try {
    const { instance, schema } = JSON.parse(plain) as { instance?: unknown; schema?: unknown };
    if (typeof schema === 'number' && schema > SCHEMA) throw newer(endpoint, schema);
    if (typeof instance === 'string' && /^[0-9a-f]{8}$/.test(instance)) return instance;
  } catch (error) {
    if (error instanceof NetworkError) throw error;
  }
  throw new NetworkError('CORRUPT', `etcd at ${endpoint}: the keys below this prefix are of no store of this program (${quote(plain)}); choose another prefix`);
}

function changed(expected: string, found: string | undefined, endpoint: string): NetworkError {
  const other = found === undefined ? 'none' : instanceOf(found, endpoint);
  const reason = `etcd at ${endpoint} has no store ${expected} (it has ${other}): it was emptied, restored from elsewhere, or is the wrong one`;
  return new NetworkError('CORRUPT', `${reason}; put the data back, or start fresh with what is there`);
}

function newer(endpoint: string, schema: number): NetworkError {
  return new NetworkError('UNAVAILABLE', `etcd at ${endpoint}: the store was written by a newer release (schema ${schema}, this one knows ${SCHEMA}); install that release on this host`);
}
