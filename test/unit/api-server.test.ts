import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ApiController } from '../../src/api/api-controller.ts';
import { apiServer } from '../../src/api/api-server.ts';
import { LeaseKeeper } from '../../src/api/lease-keeper.ts';
import { Metrics } from '../../src/api/metrics.ts';
import { routes } from '../../src/api/routes.ts';
import { ERROR_CODES, NetworkError } from '../../src/common/error.ts';
import type { SandboxRequest } from '../../src/controller/requests.ts';
import type { SandboxView } from '../../src/controller/views.ts';
import { FakeController } from '../support/fake-controller.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

describe('the API', () => {
  let folder: string;
  let path: string;
  let server: Server;
  let fake: FakeController;
  let reports: string[];
  let explained: unknown[][];
  let leases: LeaseKeeper;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'api-'));
    path = join(folder, 's');
    fake = new FakeController();
    reports = [];
    explained = [];
    const metrics = new Metrics();
    const controller = fake as unknown as ApiController;
    leases = new LeaseKeeper(controller, (message) => reports.push(message));
    server = apiServer({
      controller,
      metrics,
      routes: routes({ leases, metrics, diagnose: async () => [{ level: 'note', subject: 'kernel', message: 'old' }] }),
      explain: async (task) => {
        const copy = new FakeController();
        await task(copy as unknown as ApiController);
        explained = copy.calls;
        return ['ip link add x'];
      },
      report: (message) => reports.push(message),
    });
    server.listen(path);
    await once(server, 'listening');
  });

  afterEach(async () => {
    leases.stop();
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  });

  const ask = async (method: string, target: string, body: string | object = ''): Promise<Answer> => {
    const content = typeof body === 'string' ? body : JSON.stringify(body);
    const request = httpRequest({ socketPath: path, method, path: target, agent: false, headers: { 'Content-Length': Buffer.byteLength(content) } }).end(content);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
  };
  const refusal = ({ body }: Answer): { code: string; message: string } => JSON.parse(body) as { code: string; message: string };

  it('answers what the controller says as JSON, and nothing as 204', async () => {
    const created = await ask('POST', '/networks', { name: 'blue', subnets: ['10.9.0.0/24'], ipv6: false });
    assert.deepEqual([created.status, created.headers['content-type'], JSON.parse(created.body)], [200, 'application/json', { id: 'f00' }]);
    assert.deepEqual(fake.calls, [['createNetwork', { name: 'blue', subnets: ['10.9.0.0/24'], ipv6: false }]]);
    assert.deepEqual([(await ask('DELETE', '/networks/blue')).status, (await ask('DELETE', '/networks/blue?force=true')).body], [204, '']);
    assert.deepEqual(fake.calls.slice(1), [['removeNetwork', 'blue', { force: false }], ['removeNetwork', 'blue', { force: true }]]);
    assert.deepEqual(JSON.parse((await ask('GET', '/doctor')).body), [{ level: 'note', subject: 'kernel', message: 'old' }]);
    assert.deepEqual(JSON.parse((await ask('POST', '/doctor/fix')).body), { repairs: ['link made again'] });
    assert.deepEqual(JSON.parse((await ask('POST', '/networks/prune', '{}')).body), { removed: ['idle'] });
  });

  it('hands names in the path over as they are, whatever characters they have', async () => {
    for (const name of ['a b', '..', 'a/b', 'a%2Fb', 'ä?x=1#y', "'; flush ruleset"]) {
      await ask('GET', `/networks/${encodeURIComponent(name)}`);
      assert.deepEqual(fake.calls.at(-1), ['network', name]);
    }
  });

  it('takes the words of the path before its placeholders', async () => {
    await ask('POST', '/sandboxes/adopt', { name: 's', namespace: '/run/netns/s' });
    assert.deepEqual(fake.calls.at(-1), ['adoptSandbox', { name: 's', namespace: '/run/netns/s' }]);
    await ask('POST', '/networks/blue/connect', { sandbox: 'web', ipv4: '10.9.0.5', gatewayPriority: -1 });
    assert.deepEqual(fake.calls.at(-1), ['connect', 'web', { network: 'blue', ipv4: '10.9.0.5', gatewayPriority: -1 }]);
  });

  it('turns port texts into bindings', async () => {
    await ask('POST', '/sandboxes', { name: 's', ports: ['8080-8081:80-81', '53/udp'] });
    const [, request] = fake.calls.at(-1) as [string, SandboxRequest];
    assert.deepEqual(request.ports, [
      { protocol: 'tcp', containerPort: 80, hostPort: 8080 },
      { protocol: 'tcp', containerPort: 81, hostPort: 8081 },
      { protocol: 'udp', containerPort: 53 },
    ]);
  });

  const BAD: readonly (readonly [status: number, method: string, target: string, body: string | object, says: RegExp])[] = [
    [400, 'POST', '/networks', '{"name": "blue"', /^the request body is not JSON: it starts with '\{"name": "blue"'$/],
    [400, 'POST', '/networks', 'name=blue&driver=bridge', /is not JSON: it starts with 'name=blue&driver=bridge'/],
    [400, 'POST', '/networks', '[]', /^the request body is wrong: expected object, received array$/],
    [400, 'POST', '/networks', {}, /^field 'name' of the request body is wrong: expected string, received undefined$/],
    [400, 'POST', '/networks', { name: 'blue', owner: 'engine' }, /^the request body has an unknown field 'owner'$/],
    [400, 'POST', '/networks', { name: 7 }, /^field 'name' of the request body is wrong: expected string, received number, not '7'$/],
    [400, 'POST', '/sandboxes', { name: 's', networks: [{ network: 'blue' }, { network: 'red', ip: '10.0.0.1' }] }, /^the request body has an unknown field 'networks\[1\]\.ip'$/],
    [400, 'POST', '/sandboxes', { name: 's', networks: [{ network: 'blue', ipv4: 5 }] }, /^field 'networks\[0\]\.ipv4' of the request body/],
    [400, 'POST', '/sandboxes', { name: 's', ports: ['99999'] }, /^port '99999'/],
    [400, 'POST', '/sandboxes', { name: 's', dns: { servers: '192.0.2.53' } }, /^field 'dns\.servers' of the request body/],
    [400, 'POST', '/dns/query', { sandbox: 'web' }, /^field 'name' of the request body/],
    [400, 'POST', '/sandboxes', { name: 's', lease: { pid: 1, startTime: '1' } }, /unknown field 'lease'/],
    [400, 'POST', '/leases', { name: 's', lease: { pid: 4.5, startTime: '1' } }, /^field 'lease\.pid'/],
    [400, 'POST', '/networks/blue/connect', { sandbox: 'web', gatewayPriority: 2 ** 40 }, /^field 'gatewayPriority'/],
    [400, 'GET', '/networks', { name: 'blue' }, /^the request body has an unknown field 'name'$/],
    [413, 'POST', '/networks', { name: 'x'.repeat(1024 * 1024) }, /^the request body is longer than 1048576 bytes/],
    [404, 'GET', '/', '', /^the API has no path '\/'$/],
    [404, 'GET', '/networks/', '', /^the API has no path '\/networks\/'$/],
    [404, 'GET', '/networks/a/b/c', '', /has no path/],
    [405, 'PUT', '/networks/blue', '', /^'\/networks\/blue' cannot be asked by 'PUT', only by GET, DELETE$/],
    [400, 'GET', '/networks/%zz', '', /^path segment '%zz' is not percent-encoded UTF-8$/],
    [400, 'DELETE', '/networks/blue?forse=true', '', /^unknown query parameter 'forse': DELETE \/networks\/:network takes force, explain, trace$/],
    [400, 'DELETE', '/networks/blue?force=yes', '', /force='yes' must be true or false/],
    [400, 'GET', '/networks?explain=true', '', /unknown query parameter 'explain': GET \/networks takes none/],
    [400, 'POST', '/networks?explain=maybe', { name: 'blue' }, /explain='maybe' must be true or false/],
  ];
  for (const [status, method, target, body, says] of BAD) {
    it(`refuses ${method} ${target} ${(typeof body === 'string' ? body : JSON.stringify(body)).slice(0, 50)} with ${String(status)}`, async () => {
      const answer = await ask(method, target, body);
      assert.equal(answer.status, status);
      assert.match(refusal(answer).message, says);
      assert.doesNotMatch(refusal(answer).message, /\n/);
      assert.deepEqual(fake.calls, [], 'nothing was asked of the controller');
    });
  }

  it('is what docs/api.md says it is', () => {
    const table = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
    const told = [...table.matchAll(/^\| (GET|POST|DELETE) \| (\S+) \|/gm)].map(([, method, target]) => `${String(method)} ${String(target)}`);
    const rows = routes({ leases, metrics: new Metrics(), diagnose: async () => [] });
    assert.deepEqual(told, rows.map(({ method, path: target }) => `${method} ${target}`));
  });

  it('asks for names, and what has been asked', async () => {
    await ask('GET', '/dns/names');
    await ask('GET', '/dns/names?network=blue');
    assert.equal((await ask('POST', '/dns/query', { name: 'web', type: 'A', sandbox: 'client' })).status, 200);
    assert.equal((await ask('GET', '/dns/stats')).body, '[]\n');
    assert.deepEqual(fake.calls, [['names', undefined], ['names', 'blue'], ['queryName', { name: 'web', type: 'A', sandbox: 'client' }], ['nameCounts']]);
  });

  it('says with 405 what is allowed', async () => {
    assert.equal((await ask('PATCH', '/networks')).headers['allow'], 'GET, POST');
  });

  it('gives every code a status, and the words of the refusal', async () => {
    const statuses = new Map<string, number>();
    for (const code of ERROR_CODES) {
      fake.refusal = new NetworkError(code, `because of ${code}`);
      const answer = await ask('GET', '/networks/blue');
      assert.deepEqual(refusal(answer), { code, message: `because of ${code}` });
      statuses.set(code, answer.status);
    }
    const by = (status: number): string[] => [...statuses].filter(([, known]) => known === status).map(([code]) => code);
    assert.deepEqual([by(400), by(403), by(404), by(409)], [['INVALID'], ['FORBIDDEN'], ['NOT_FOUND'], ['EXISTS', 'IN_USE', 'EXHAUSTED']]);
    assert.deepEqual([by(499), by(500), by(501), by(503)], [['ABORTED'], ['KERNEL', 'CORRUPT', 'INTERNAL'], ['UNSUPPORTED'], ['UNAVAILABLE']]);
  });

  it('answers a defect of ours on one line and reports where it was', async () => {
    fake.refusal = new TypeError('x is not\n a function');
    const answer = await ask('GET', '/networks/blue');
    assert.deepEqual([answer.status, refusal(answer)], [500, { code: 'INTERNAL', message: 'x is not a function' }]);
    assert.match(reports.join(), /defect: [^]*api-server\.test\.ts/);
  });

  it('explains a change on a copy, and leaves the controller alone', async () => {
    const answer = await ask('POST', '/networks?explain=true', { name: 'blue' });
    assert.deepEqual(JSON.parse(answer.body), { commands: ['ip link add x'] });
    assert.deepEqual(explained, [['createNetwork', { name: 'blue' }]]);
    await ask('POST', '/leases?explain=true', { name: 's', lease: { pid: 99, startTime: '5' } });
    assert.equal(explained[0]?.[0], 'createSandbox');
    assert.deepEqual(fake.calls, []);
  });

  it('traces a change: what is said with plugins, then the answer or the refusal, a line each', async () => {
    const lines = async (method: string, target: string, body?: object): Promise<unknown[]> => {
      const { status, headers, body: said } = await ask(method, target, body);
      assert.deepEqual([status, headers['content-type'], fake.hearers.size], [200, 'application/x-ndjson', 0]);
      return said.trimEnd().split('\n').map((line) => JSON.parse(line) as unknown);
    };
    const { createNetwork } = fake;
    let exchange: unknown;
    fake.createNetwork = async (body) => {
      exchange = fake.say('NetworkDriver.CreateNetwork');
      return createNetwork(body);
    };
    assert.deepEqual(await lines('POST', '/networks?trace=true', { name: 'blue' }), [{ exchange }, { result: { id: 'f00' } }]);
    assert.deepEqual(await lines('DELETE', '/networks/blue?trace=true'), [{ result: null }]);
    fake.refusal = new NetworkError('FORBIDDEN', 'not\ntoday');
    assert.deepEqual(await lines('POST', '/networks?trace=true', { name: 'blue' }), [{ exchange }, { refusal: { code: 'FORBIDDEN', message: 'not today' } }]);
    assert.equal((await ask('POST', '/networks?trace=yes', { name: 'blue' })).status, 400);
    assert.equal((await ask('GET', '/networks?trace=true')).status, 400);
  });

  it('tells events as they come, a line each, until the reader goes', async () => {
    const request = httpRequest({ socketPath: path, path: '/events', agent: false }).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    assert.equal(fake.listeners.size, 1);
    const event = { time: 't', type: 'network', action: 'create', id: 'f00', name: 'blue', attributes: {} } as const;
    for (const listener of fake.listeners) listener(event);
    const [chunk] = (await once(response, 'data')) as [Buffer];
    assert.equal(chunk.toString(), `${JSON.stringify(event)}\n`);
    const { promise, resolve } = Promise.withResolvers<void>();
    fake.listeners.delete = (): boolean => {
      resolve();
      return true;
    };
    response.destroy();
    await promise;
  });

  it('counts requests by route, not by name', async () => {
    await ask('GET', '/networks/blue');
    await ask('GET', '/networks/green');
    await ask('GET', '/nowhere');
    const counts = { queries: 9, local: 4, forwarded: 2, cached: 1, nxdomain: 1, servfail: 0, refused: 0, dropped: 2, malformed: 0, timeouts: 0, latency: [0, 0, 4, 0, 2, 1] };
    fake.counts = [{ asker: null, ...counts }, { asker: 'web', ...counts, queries: 7 }];
    const { body, headers } = await ask('GET', '/metrics');
    assert.match(headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
    assert.match(body, /^netctl_http_requests_total\{method="GET",route="\/networks\/:network",status="200"\} 2$/m);
    assert.match(body, /^netctl_http_requests_total\{method="GET",route="unknown",status="404"\} 1$/m);
    assert.match(body, /^netctl_sandboxes 0$/m);
    assert.match(body, /^netctl_dns_queries_total\{sandbox="web"\} 7$/m);
    assert.match(body, /^netctl_dns_answers_total\{from="forwarded"\} 2$/m);
    assert.match(body, /^netctl_dns_failures_total\{reason="dropped"\} 2$/m);
    assert.match(body, /^netctl_dns_latency_seconds_bucket\{le="0\.000016"\} 6$/m);
    assert.match(body, /^netctl_dns_latency_seconds_bucket\{le="\+Inf"\} 7\nnetctl_dns_latency_seconds_sum [0-9.e-]+\nnetctl_dns_latency_seconds_count 7$/m);
    assert.match(body, /^process_resident_memory_bytes \d{7,}$/m);
    // Every sample belongs to a family that is announced: what Prometheus insists on.
    const families = new Set([...body.matchAll(/^# TYPE (\S+) (?:gauge|counter|histogram)$/gm)].map(([, name]) => name));
    for (const line of body.split('\n').filter((candidate) => candidate !== '' && !candidate.startsWith('#'))) {
      assert.match(line, /^[a-z_]+(?:\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})? [0-9.e+-]+$/);
      assert.ok(families.has(/^[a-z_]+?(?=(?:_bucket|_sum|_count)?[{ ])/.exec(line)?.[0] ?? ''), line);
    }
  });

  describe('leases', () => {
    const open = async (method: string, target: string, body: object = {}): Promise<IncomingMessage> => {
      const request = httpRequest({ socketPath: path, method, path: target, agent: false }).end(JSON.stringify(body));
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      return response;
    };
    const LEASE = { pid: 99, startTime: '5' };

    it('keep a sandbox while the request is open', async () => {
      const response = await open('POST', '/leases', { name: 's', lease: LEASE });
      const [line] = (await once(response, 'data')) as [Buffer];
      assert.equal((JSON.parse(line.toString()) as { id: string }).id, 's1');
      response.destroy();
      assert.equal(await fake.removed, 's1');
    });

    it('are given only for a sandbox that has one', async () => {
      const answer = await ask('GET', '/leases/web');
      assert.deepEqual([answer.status, refusal(answer).message], [403, "sandbox 'web' lives on its own: only one that 'netctl run' made has a lease"]);
    });

    it('mean nothing any more once the daemon stops', async () => {
      await open('POST', '/leases', { name: 's', lease: LEASE });
      leases.stop();
      const closed = new Promise((resolve) => server.once('close', resolve));
      server.closeAllConnections();
      server.close();
      await closed;
      assert.deepEqual(fake.calls.map(([call]) => call), ['createSandbox']);
    });

    it('that nobody holds end with their process, found by the sweep', async () => {
      fake.kept = [{ id: 'dead', name: 'dead', lease: LEASE }, { id: 'free', name: 'free' }] as unknown as SandboxView[];
      await leases.sweep();
      assert.deepEqual(fake.calls, [['sandboxes'], ['endLease', 'dead']]);
    });
  });
});
