import { NetworkError } from '../../common/error.ts';
import { quote } from '../../common/quote.ts';

/** PEM files; a key belongs to a certificate. */
export interface EtcdTls {
  /** Whom to trust; absent: whom the system trusts. */
  readonly ca?: string;
  /** What proves who we are, where the servers ask for it. */
  readonly certificate?: string;
  readonly key?: string;
}

/** Where a cluster is, and which part of it is ours. */
export interface EtcdOptions {
  /** `http://host:port` or `https://host:port` of each server; the first that answers is used. */
  readonly endpoints: readonly string[];
  /** Before every key: printable ASCII, ends with `/`. Default `netctl/`. */
  readonly prefix?: string;
  readonly tls?: EtcdTls;
  readonly auth?: { readonly user: string; readonly password: string };
  /** The cluster that it must be: up to sixteen hex digits, as {@link SharedStore.clusterId}. */
  readonly cluster?: string;
  /** The store that it must be, as {@link Store.instanceId}. With `cluster`, both known from an earlier start, opening needs no server. */
  readonly instance?: string;
  /** How long one server is waited for, ms. Default 3000. */
  readonly requestTimeout?: number;
}

/** {@link EtcdOptions} that were looked at. */
export interface CheckedOptions extends EtcdOptions {
  readonly prefix: string;
  readonly requestTimeout: number;
}

const DEFAULTS = { prefix: 'netctl/', requestTimeout: 3000 } as const;
const PREFIX = /^[\x21-\x7e]{0,127}\/$/;

/** @throws {NetworkError} INVALID for an option that can not be meant */
export function checkOptions(options: EtcdOptions): CheckedOptions {
  const checked = { ...DEFAULTS, ...options };
  const { endpoints, prefix, requestTimeout, cluster, instance, tls } = checked;
  if (endpoints.length === 0) throw invalid('a cluster needs the address of at least one etcd, such as http://host:2379');
  const urls = endpoints.map(checkEndpoint);
  const twice = urls.find((url, at) => urls.indexOf(url) !== at);
  if (twice !== undefined) throw invalid(`etcd endpoint ${quote(twice)} stands twice; name each server once`);
  if (new Set(urls.map((url) => url.slice(0, url.indexOf(':')))).size > 1) throw invalid('some etcd endpoints are http and others https; a cluster has one or the other');
  if (!PREFIX.test(prefix)) throw invalid(`etcd prefix ${quote(prefix)} must be printable ASCII without spaces and end with '/'`);
  if (!Number.isFinite(requestTimeout) || requestTimeout < 100) throw invalid(`etcd request time-out ${requestTimeout} must be at least 100 ms`);
  if (cluster !== undefined && !/^[0-9a-f]{1,16}$/i.test(cluster)) throw invalid(`etcd cluster id ${quote(cluster)} must be up to sixteen hex digits`);
  if (instance !== undefined && !/^[0-9a-f]{8}$/.test(instance)) throw invalid(`store id ${quote(instance)} must be eight hex digits`);
  if (tls !== undefined && urls.some((url) => url.startsWith('http:'))) throw invalid('certificates are given, but the etcd endpoints are http; use https');
  if ((tls?.certificate === undefined) !== (tls?.key === undefined)) throw invalid('an etcd client certificate needs its key, and a key its certificate; give both or neither');
  return { ...checked, endpoints: urls };
}

function checkEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url !== undefined && url.username === '' && url.pathname === '/' && url.search === '' && url.hash === '';
  if (url === undefined || !plain || !/^https?:$/.test(url.protocol)) {
    throw invalid(`etcd endpoint ${quote(text)} is not of the form http://host:port or https://host:port`);
  }
  return `${url.protocol}//${url.host}`;
}

function invalid(message: string): NetworkError {
  return new NetworkError('INVALID', message);
}
