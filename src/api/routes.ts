/** The fixed table of everything that the daemon can be asked. */
import type { z } from 'zod';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import { PREDEFINED_NETWORKS } from '../controller/predefined-networks.ts';
import type { SandboxRequest } from '../controller/requests.ts';
import { parsePortSpec } from '../ports/spec.ts';
import { adoptBody, connectBody, disconnectBody, leaseBody, linkBody, nameQueryBody, networkBody, noBody, sandboxBody } from './bodies.ts';
import { streamEvents } from './event-stream.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { Metrics } from './metrics.ts';
import type { Call, Route, StreamCall } from './route.ts';
import { packageVersion } from './package-version.ts';
import type { Finding, FixAnswer, LeaseBody, PruneAnswer, SandboxBody, VersionAnswer } from './wire.ts';

/** What some of the routes stand on besides the controller. */
export interface RouteParts {
  readonly leases: LeaseKeeper;
  readonly metrics: Metrics;
  /** Looks at kernel, machine and state. */
  readonly diagnose: () => Promise<readonly Finding[]>;
}

/** The table. */
export function routes({ leases, metrics, diagnose }: RouteParts): readonly Route[] {
  return [
    get('/version', version),
    get('/networks', ({ controller }) => [...controller.networks(), ...PREDEFINED_NETWORKS]),
    post('/networks', networkBody, ({ controller, body, signal }) => controller.createNetwork(body, signal)),
    post('/networks/prune', noBody, async ({ controller }): Promise<PruneAnswer> => ({ removed: await controller.pruneNetworks() })),
    get('/networks/:network', ({ controller, names }) => controller.network(named(names, 'network'))),
    remove('/networks/:network', ({ controller, names, query }) => controller.removeNetwork(named(names, 'network'), { force: flag(query, 'force') }), ['force']),
    post('/networks/:network/connect', connectBody, ({ controller, names, body: { sandbox, ...rest }, signal }) =>
      controller.connect(sandbox, { ...rest, network: named(names, 'network') }, signal),
    ),
    post('/networks/:network/disconnect', disconnectBody, ({ controller, names, body }) => controller.disconnect(body.sandbox, named(names, 'network'))),
    get('/sandboxes', ({ controller }) => controller.sandboxes()),
    post('/sandboxes', sandboxBody, ({ controller, body, signal }) => controller.createSandbox(sandboxRequest(body), signal)),
    post('/sandboxes/adopt', adoptBody, ({ controller, body, signal }) => controller.adoptSandbox({ ...sandboxRequest(body), namespace: body.namespace }, signal)),
    get('/sandboxes/:sandbox', ({ controller, names }) => controller.sandbox(named(names, 'sandbox'))),
    remove('/sandboxes/:sandbox', ({ controller, names }) => controller.removeSandbox(named(names, 'sandbox'))),
    {
      ...post('/leases', leaseBody, ({ controller, body, signal }) => controller.createSandbox(leaseRequest(body), signal)),
      stream: (call) => leases.grant(call, leaseRequest(checkedBody<LeaseBody>(call))),
    },
    streaming('/leases/:sandbox', (call) => leases.renew(call, named(call.names, 'sandbox'))),
    remove('/leases/:sandbox', ({ controller, names }) => controller.endLease(named(names, 'sandbox'))),
    get('/links', ({ controller, query }) => controller.cables(query.get('sandbox') ?? undefined), ['sandbox']),
    post('/links', linkBody, ({ controller, body, signal }) => controller.createCable(body, signal)),
    get('/links/:link', ({ controller, names }) => controller.cable(named(names, 'link'))),
    remove('/links/:link', ({ controller, names }) => controller.removeCable(named(names, 'link'))),
    get('/ports', ({ controller }) => controller.ports()),
    get('/dns/names', ({ controller, query }) => controller.names(query.get('network') ?? undefined), ['network']),
    { ...post('/dns/query', nameQueryBody, ({ controller, body, signal }) => controller.queryName(body, signal)), changes: false },
    get('/dns/stats', ({ controller }) => controller.nameCounts()),
    get('/cluster', ({ controller }) => controller.cluster()),
    { ...remove('/cluster/hosts/:host', ({ controller, names }) => controller.forgetHost(named(names, 'host'))), changes: false },
    get('/doctor', diagnose),
    post('/doctor/fix', noBody, async ({ controller }): Promise<FixAnswer> => ({ repairs: await controller.reconcile() })),
    streaming('/events', streamEvents),
    streaming('/metrics', async ({ controller, response }) => {
      const text = metrics.text(controller, await controller.nameCounts());
      response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
      response.end(text);
    }),
  ];
}

function version({ controller }: Call): VersionAnswer {
  return { version: packageVersion(), node: process.version, instance: controller.instance, pid: process.pid };
}

function sandboxRequest(body: SandboxBody): SandboxRequest {
  const { ports, ...rest } = body;
  return ports === undefined ? rest : { ...rest, ports: ports.flatMap(parsePortSpec) };
}

function leaseRequest(body: LeaseBody): SandboxRequest {
  return { ...sandboxRequest(body), lease: body.lease };
}

function get(path: string, handle: (call: Call) => unknown, query: readonly string[] = []): Route {
  return { method: 'GET', path, query, body: noBody, changes: false, handle };
}

function post<Body>(path: string, body: z.ZodType<Body>, handle: (call: Call<Body>) => unknown): Route {
  return { method: 'POST', path, body, changes: true, handle: (call) => handle({ ...call, body: checkedBody<Body>(call) }) };
}

function remove(path: string, handle: (call: Call) => unknown, query: readonly string[] = []): Route {
  return { method: 'DELETE', path, query, body: noBody, changes: true, handle };
}

function streaming(path: string, stream: (call: StreamCall) => void | Promise<void>): Route {
  return { method: 'GET', path, body: noBody, changes: false, handle: () => undefined, stream };
}

/** The server has checked it against the route's own schema. */
function checkedBody<Body>(call: Call): Body {
  return call.body as Body;
}

function named(names: Readonly<Record<string, string>>, key: string): string {
  const name = names[key];
  if (name === undefined) throw new NetworkError('INTERNAL', `route without ${quote(key)}`);
  return name;
}

function flag(query: URLSearchParams, key: string): boolean {
  const text = query.get(key) ?? 'false';
  if (text === 'true' || text === 'false') return text === 'true';
  throw new NetworkError('INVALID', `query parameter ${key}=${quote(text)} must be true or false`);
}
