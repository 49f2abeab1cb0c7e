import { NetworkError } from '../../common/error.ts';
import { quote } from '../../common/quote.ts';
import { checkOptions, type CheckedOptions, type EtcdTls } from './options.ts';

/** etcd's own port for clients. */
const PORT = '2379';

const FORM = 'etcd://[USER:PASSWORD@]HOST[:PORT],…[/PREFIX][?OPTION=VALUE&…]';
const OPTIONS = ['ca', 'certificate', 'key', 'cluster', 'timeout'] as const;
const TLS_OPTIONS = ['ca', 'certificate', 'key'] as const;

/** Scheme, user information, hosts, path, query. */
const URL_FORM = /^(etcds?):\/\/(?:([^@/?]*)@)?([^@/?]*)(?:\/([^?]*))?(?:\?(.*))?$/;

/** A name or an IPv4 address, or an IPv6 address in brackets; a port. */
const HOST_FORM = /^(\[[0-9a-f:.%]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)(?::(\d+))?$/i;

/**
 * Reads what `--cluster` takes: `etcd://` for plain HTTP, `etcds://` for TLS. Files and other options stand in
 * the query: `ca`, `certificate`, `key` (paths), `cluster` (hex digits), `timeout` (ms).
 *
 * @throws {NetworkError} INVALID for everything else
 * @example
 * ```ts
 * parseClusterUrl('etcds://h1,h2:2379/lab?ca=/etc/etcd/ca.pem');
 * // endpoints https://h1:2379 and https://h2:2379, prefix 'lab/'
 * ```
 */
export function parseClusterUrl(text: string): CheckedOptions {
  const parts = URL_FORM.exec(text);
  if (parts === null || /[\s#]/.test(text)) throw invalid(text, `is not of the form ${FORM} or static://FILE`);
  const [, scheme = '', user, hosts = '', path = '', query = ''] = parts;
  const options = readQuery(text, query);
  const protocol = scheme === 'etcds' ? 'https' : 'http';
  const tls = tlsOf(options);
  if (protocol === 'http' && tls !== undefined) throw invalid(text, `gives certificates, but etcd:// is plain HTTP; write etcds://`);
  const { cluster, timeout } = options;
  if (timeout !== undefined && !/^\d+$/.test(timeout)) throw invalid(text, `has timeout ${quote(timeout)}, which is no number of milliseconds`);
  return checkOptions({
    endpoints: hosts.split(',').map((host) => `${protocol}://${readHost(text, host)}`),
    ...(path === '' ? {} : { prefix: path.endsWith('/') ? path : `${path}/` }),
    ...(tls === undefined ? {} : { tls }),
    ...(user === undefined ? {} : { auth: readUser(text, user) }),
    ...(cluster === undefined ? {} : { cluster }),
    ...(timeout === undefined ? {} : { requestTimeout: Number(timeout) }),
  });
}

type QueryOptions = { readonly [Name in (typeof OPTIONS)[number]]?: string };

function readQuery(text: string, query: string): QueryOptions {
  const options: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (!OPTIONS.some((known) => known === name)) throw invalid(text, `has option ${quote(name)}; there are ${OPTIONS.join(', ')}`);
    if (options[name] !== undefined) throw invalid(text, `has option '${name}' twice`);
    if (value === '') throw invalid(text, `has option '${name}' without a value`);
    options[name] = value;
  }
  return options;
}

function tlsOf(options: QueryOptions): EtcdTls | undefined {
  const given = TLS_OPTIONS.filter((name) => options[name] !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given.map((name) => [name, options[name]]));
}

function readHost(text: string, host: string): string {
  const [, name = '', port = PORT] = HOST_FORM.exec(host) ?? [];
  if (name === '') throw invalid(text, `has host ${quote(host)}, which is neither a name nor an address (IPv6 ones stand in brackets)`);
  if (Number(port) < 1 || Number(port) > 65_535) throw invalid(text, `has port ${quote(port)}; ports are 1 to 65535`);
  if (!URL.canParse(`http://${name}`)) throw invalid(text, `has host ${quote(host)}, which is no address`);
  return `${name}:${Number(port)}`;
}

function readUser(text: string, information: string): { user: string; password: string } {
  const [name = '', ...rest] = information.split(':');
  try {
    const [user, password] = [decodeURIComponent(name), decodeURIComponent(rest.join(':'))];
    if (user !== '' && password !== '') return { user, password };
  } catch {
    // a lone % says the same as a missing part
  }
  throw invalid(text, 'needs USER:PASSWORD before the @, special characters as %XX');
}

/** The password is nobody else's business. */
function invalid(text: string, reason: string): NetworkError {
  return new NetworkError('INVALID', `cluster ${quote(text.replace(/:\/\/.*@/s, '://…@'))} ${reason}`);
}
