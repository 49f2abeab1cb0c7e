import { NetworkError, type ErrorCode } from '../../common/error.ts';
import { oneLine, quote } from '../../common/quote.ts';
import { Compacted } from './compacted.ts';

/** How etcd or its gateway said no. */
export type Refusal =
  /** Another server may say yes. `isUndone`: nothing was written here. `isElecting`: it will be elsewhere once there is a leader. */
  | { readonly kind: 'elsewhere'; readonly words: string; readonly isUndone: boolean; readonly isElecting: boolean }
  /** Our token is not good any more. */
  | { readonly kind: 'token'; readonly words: string }
  /** Wherever it is asked. */
  | { readonly kind: 'final'; readonly error: NetworkError };

/** Errors that every server would give (api/v3rpc/rpctypes/error.go), and what to do about them. */
const FINAL: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [/database space exceeded/, 'UNAVAILABLE', 'the database of etcd is full: compact and defragment it, then `etcdctl alarm disarm`'],
  [/too many operations/, 'INVALID', 'the commit has more changes and checks than etcd takes at once (128 unless --max-txn-ops says more)'],
  [/request is too large|message larger than max/, 'INVALID', 'the commit is larger than etcd takes (1.5 MB unless --max-request-bytes says more)'],
  [/requested lease not found/, 'NOT_FOUND', 'the lease is over, its keys are gone: open another one'],
  [/lease already exists/, 'EXISTS', 'the lease exists already'],
  [/too large lease TTL/, 'INVALID', 'etcd grants no lease that long'],
  [/invalid user ID or password/, 'FORBIDDEN', 'etcd does not know the user with this password'],
  [/user name is empty/, 'FORBIDDEN', 'etcd wants to know who asks: give user and password'],
  [/authentication is not enabled/, 'FORBIDDEN', 'a user is given, but etcd has authentication switched off: `etcdctl auth enable`, or leave the user out'],
  [/permission denied/, 'FORBIDDEN', 'the user has no right to these keys in etcd: grant it with `etcdctl role grant-permission ROLE readwrite --prefix PREFIX`'],
  [/corrupt cluster/, 'CORRUPT', 'etcd found its own data damaged: look at `etcdctl alarm list`'],
];

const COMPACTED = /revision has been compacted/;

/** The token has run out, or rights were changed since it was given. */
const TOKEN = /invalid auth token|revision in header is old|revision of auth store is old/;

/** Said before anything is proposed to the others. */
const UNDONE = /no leader|too many requests|raft proposal dropped|not capable|not supported for learner/;
const ELECTING = /no leader|raft proposal dropped|leader changed|previous leader failure|due to connection lost/;

/**
 * What an answer without a result means.
 *
 * @param status of HTTP; 200 within a stream
 * @param message what the gateway said as `error` or `message`, else the whole text of the answer
 */
export function refusalOf(endpoint: string, status: number, message: string): Refusal {
  if (TOKEN.test(message)) return { kind: 'token', words: oneLine(message) };
  if (COMPACTED.test(message)) return { kind: 'final', error: new Compacted(endpoint) };
  const known = FINAL.find(([pattern]) => pattern.test(message));
  if (known !== undefined) return { kind: 'final', error: new NetworkError(known[1], `etcd at ${endpoint}: ${known[2]}`) };
  const foreign = foreignWords(status, message);
  if (foreign !== undefined) return { kind: 'elsewhere', words: foreign, isUndone: true, isElecting: false };
  return { kind: 'elsewhere', words: oneLine(message), isUndone: UNDONE.test(message), isElecting: ELECTING.test(message) };
}

/** Where something else than etcd's gateway has answered. */
function foreignWords(status: number, message: string): string | undefined {
  if (/HTTP request to an HTTPS server/.test(message)) return 'it speaks TLS only; write etcds:// (https) instead of etcd:// (http)';
  if (message.startsWith('etcdserver:') || (status === 200 && message !== '')) return undefined;
  if (status === 404) return 'its JSON gateway is switched off, or it is no etcd 3.4 or later; start it with --enable-grpc-gateway=true';
  return status < 500 ? `what answers there is no etcd (HTTP status ${status}: ${quote(message)})` : undefined;
}
