/** Every request of the daemon's API as data: what is asked, and the type of the answer. */
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { NameAnswer, NameQuery } from '../controller/ask-name.ts';
import type { NameCounts, NameView } from '../controller/name-views.ts';
import type { ClusterView } from '../controller/cluster-shown.ts';
import type { CableView } from '../controller/cable-view.ts';
import type { EndpointView, NetworkView, PortView, SandboxView } from '../controller/views.ts';
import type {
  AdoptBody,
  ConnectBody,
  DisconnectBody,
  Finding,
  FixAnswer,
  LeaseBody,
  LinkBody,
  NetworkBody,
  PruneAnswer,
  SandboxBody,
  VersionAnswer,
} from './wire.ts';

/** A request and, in its type alone, what answers it. */
export interface ApiCall<Answer> {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With percent-encoded names, without a query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Never there: ties the answer's type to the call. */
  readonly answer?: Answer;
}

/** @returns the call for {@link VersionAnswer} */
export const getVersion = (): ApiCall<VersionAnswer> => ({ method: 'GET', path: '/version' });

export const listNetworks = (): ApiCall<NetworkView[]> => ({ method: 'GET', path: '/networks' });

export const getNetwork = (network: string): ApiCall<NetworkView> => ({ method: 'GET', path: `/networks/${segment('network', network)}` });

export const createNetwork = (body: NetworkBody): ApiCall<NetworkView> => ({ method: 'POST', path: '/networks', body });

/** @param force also one that belongs to an engine which has forgotten it */
export const removeNetwork = (network: string, force: boolean): ApiCall<undefined> => ({
  method: 'DELETE',
  path: `/networks/${segment('network', network)}`,
  ...(force ? { query: { force: 'true' } } : {}),
});

export const pruneNetworks = (): ApiCall<PruneAnswer> => ({ method: 'POST', path: '/networks/prune' });

export const connectSandbox = (network: string, body: ConnectBody): ApiCall<EndpointView> => ({
  method: 'POST',
  path: `/networks/${segment('network', network)}/connect`,
  body,
});

export const disconnectSandbox = (network: string, body: DisconnectBody): ApiCall<undefined> => ({
  method: 'POST',
  path: `/networks/${segment('network', network)}/disconnect`,
  body,
});

export const listSandboxes = (): ApiCall<SandboxView[]> => ({ method: 'GET', path: '/sandboxes' });

export const getSandbox = (sandbox: string): ApiCall<SandboxView> => ({ method: 'GET', path: `/sandboxes/${segment('sandbox', sandbox)}` });

export const createSandbox = (body: SandboxBody): ApiCall<SandboxView> => ({ method: 'POST', path: '/sandboxes', body });

export const adoptSandbox = (body: AdoptBody): ApiCall<SandboxView> => ({ method: 'POST', path: '/sandboxes/adopt', body });

export const removeSandbox = (sandbox: string): ApiCall<undefined> => ({ method: 'DELETE', path: `/sandboxes/${segment('sandbox', sandbox)}` });

/** To be kept open: the sandbox lives as long as the answer does. Its first line is the sandbox. */
export const leaseSandbox = (body: LeaseBody): ApiCall<SandboxView> => ({ method: 'POST', path: '/leases', body });

/** The same for a sandbox that has a lease already: after a restart of the daemon. */
export const renewLease = (sandbox: string): ApiCall<SandboxView> => ({ method: 'GET', path: `/leases/${segment('sandbox', sandbox)}` });

/** Removes a sandbox that has a lease, and kills what still runs in it. */
export const endLease = (sandbox: string): ApiCall<undefined> => ({ method: 'DELETE', path: `/leases/${segment('sandbox', sandbox)}` });

/** @param sandbox only those of this one */
export const listLinks = (sandbox?: string): ApiCall<CableView[]> => ({ method: 'GET', path: '/links', ...(sandbox === undefined ? {} : { query: { sandbox } }) });

export const getLink = (link: string): ApiCall<CableView> => ({ method: 'GET', path: `/links/${segment('link', link)}` });

export const createLink = (body: LinkBody): ApiCall<CableView> => ({ method: 'POST', path: '/links', body });

export const removeLink = (link: string): ApiCall<undefined> => ({ method: 'DELETE', path: `/links/${segment('link', link)}` });

export const listPorts = (): ApiCall<PortView[]> => ({ method: 'GET', path: '/ports' });

/** @param network only names that its members know */
export const listNames = (network?: string): ApiCall<NameView[]> => ({ method: 'GET', path: '/dns/names', ...(network === undefined ? {} : { query: { network } }) });

export const queryName = (body: NameQuery): ApiCall<NameAnswer> => ({ method: 'POST', path: '/dns/query', body });

/** All together first; nothing where nobody can ask. */
export const getNameCounts = (): ApiCall<NameCounts[]> => ({ method: 'GET', path: '/dns/stats' });

export const getFindings = (): ApiCall<Finding[]> => ({ method: 'GET', path: '/doctor' });

export const repair = (): ApiCall<FixAnswer> => ({ method: 'POST', path: '/doctor/fix' });

/** Endless: a line of JSON for each event. */
export const followEvents = (): ApiCall<never> => ({ method: 'GET', path: '/events' });

/** Characters. Names and ids are shorter, and HTTP allows little more for a path. */
const LONGEST_NAME = 256;

function segment(what: string, name: string): string {
  if (name.length > LONGEST_NAME) throw new NetworkError('INVALID', `${what} name ${quote(name)} is too long: names have 64 characters at most`);
  if (name === '') throw new NetworkError('INVALID', `an empty ${what} name is not allowed`);
  return encodeURIComponent(name);
}

export const getCluster = (): ApiCall<ClusterView> => ({ method: 'GET', path: '/cluster' });

/** @param host id of a lost one */
export const forgetHost = (host: string): ApiCall<undefined> => ({ method: 'DELETE', path: `/cluster/hosts/${segment('host', host)}` });
