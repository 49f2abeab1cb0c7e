/**
 * etcd's API as its JSON gateway speaks it (api/etcdserverpb/rpc.proto): bytes as base64, int64 as text, and
 * whatever is zero, false or empty left out.
 */
export interface Header {
  readonly cluster_id?: string;
  readonly revision?: string;
}

/** What every answer begins with. */
export interface Answer {
  readonly header?: Header;
}

/** mvccpb.KeyValue. */
export interface KeyValue {
  readonly key?: string;
  readonly value?: string;
  readonly mod_revision?: string;
}

export interface RangeRequest {
  readonly key: string;
  readonly range_end?: string;
  readonly limit?: string;
  readonly revision?: string;
  /** Only what was written then or later. */
  readonly min_mod_revision?: string;
  readonly count_only?: boolean;
  readonly keys_only?: boolean;
}

export interface RangeAnswer {
  readonly kvs?: readonly KeyValue[];
  readonly more?: boolean;
  /** In the whole range, whatever the limit. */
  readonly count?: string;
}

/** One condition of a transaction: equality is what `result` is when left out. */
export type Compare =
  | { readonly target: 'MOD'; readonly key: string; readonly mod_revision: string }
  | { readonly target: 'VALUE'; readonly key: string; readonly value: string };

export type RequestOp =
  | { readonly request_range: RangeRequest }
  | { readonly request_put: { readonly key: string; readonly value: string; readonly lease?: string } }
  | { readonly request_delete_range: { readonly key: string } };

export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

export interface TxnAnswer extends Answer {
  readonly succeeded?: boolean;
  readonly responses?: readonly { readonly response_range?: RangeAnswer }[];
}

export interface LeaseAnswer extends Answer {
  readonly ID?: string;
  /** s; left out when the lease is over. */
  readonly TTL?: string;
}

/** mvccpb.Event; PUT is left out. */
export interface Event {
  readonly type?: 'DELETE';
  readonly kv?: KeyValue;
}

export interface WatchAnswer extends Answer {
  readonly created?: boolean;
  readonly canceled?: boolean;
  readonly cancel_reason?: string;
  /** With `canceled`: the oldest revision that is still remembered. */
  readonly compact_revision?: string;
  /** More of the same answer follows. */
  readonly fragment?: boolean;
  readonly events?: readonly Event[];
}

/** A streaming call answers in lines of these. */
export interface StreamLine<Result> {
  readonly result?: Result;
  readonly error?: { readonly grpc_code?: number; readonly code?: number; readonly message?: string };
}
