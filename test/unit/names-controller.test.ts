import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { NetworkError } from '../../src/common/error.ts';
import { nameCounts } from '../../src/controller/name-views.ts';
import { Counters } from '../../src/dns/counters.ts';
import type { DnsCounts } from '../../src/dns/dns-stats.ts';
import { NamesLab } from '../support/names-lab.ts';

describe('names of sandboxes', () => {
  let lab: NamesLab;

  beforeEach(async () => {
    lab = await new NamesLab().open();
    await lab.controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24', 'fd00:9::/64'] });
    await lab.controller.createNetwork({ name: 'inner', subnets: ['10.8.0.0/24'], internal: true });
  });

  afterEach(() => lab[Symbol.asyncDispose]());

  const make = (name: string, ...networks: string[]): Promise<unknown> => lab.controller.createSandbox({ name, networks: networks.map((network) => ({ network })) });

  it('are known when the call returns that makes them true, and not after the one that ends them', async () => {
    await make('web', 'blue');
    await make('client', 'blue');
    assert.deepEqual(lab.ask('client', 'web'), ['10.9.0.2']);
    assert.deepEqual(lab.ask('client', 'web.blue', 'AAAA'), ['fd00:9::2']);
    assert.deepEqual(lab.ask('client', '10.9.0.2'), ['web.blue']);
    assert.deepEqual(lab.ask('client', 'host.netctl.internal'), ['10.9.0.1']);
    await lab.controller.connect('web', { network: 'inner', aliases: ['db'] });
    assert.equal(lab.ask('client', 'db'), 'forward');
    await lab.controller.connect('client', { network: 'inner' });
    assert.deepEqual(lab.ask('client', 'db'), ['10.8.0.2']);
    await lab.controller.disconnect('web', 'inner');
    assert.equal(lab.ask('client', 'db'), 'forward');
    await lab.controller.removeSandbox('web');
    assert.equal(lab.ask('client', 'web'), 'forward');
    assert.equal(lab.ask('client', '10.9.0.2'), 'NXDOMAIN');
  });

  it('are those of sandbox, host name, id and aliases; several endpoints under one alias', async () => {
    const { id } = await lab.controller.createSandbox({ name: 'web', hostname: 'www.example.org', networks: [{ network: 'blue', aliases: ['db', 'WEB'] }], exposed: ['443', '53/udp', '443/tcp'] });
    await lab.controller.createSandbox({ name: 'other', networks: [{ network: 'blue', aliases: ['db'] }] });
    for (const name of ['web', 'WWW.example.org', id.slice(0, 12)]) assert.deepEqual(lab.ask('other', name), ['10.9.0.2'], name);
    assert.deepEqual([...lab.ask('other', 'db')].toSorted(), ['10.9.0.2', '10.9.0.3']);
    assert.deepEqual(lab.ask('other', '_443._tcp.web', 'SRV'), ['0 0 443 web.blue']);
    assert.deepEqual(lab.ask('other', '_53._udp.web', 'SRV'), ['0 0 53 web.blue']);
    const [update] = lab.names.changes.flatMap((change) => (change.change === 'set-network' ? change.network.endpoints : change.change === 'set-endpoint' ? [change.endpoint] : []));
    assert.deepEqual(update?.services, [{ protocol: 'tcp', port: 443 }, { protocol: 'udp', port: 53 }]);
  });

  it('are led to by a redirect in each namespace of ours, which goes with it', async () => {
    await make('web', 'blue');
    const [set] = lab.redirects();
    assert.deepEqual(set, { op: 'redirect-set', namespace: '/run/netns/web', table: 'netctl_0badcafe', address: '127.0.0.11', port: 53, udp: 40_002, tcp: 40_003 });
    assert.deepEqual([...lab.names.listening.values()], ['/run/netns/web']);
    await lab.controller.removeSandbox('web');
    assert.deepEqual(lab.redirects(), [set], 'the namespace goes as a whole');
    assert.equal(lab.names.listening.size, 0);
  });

  it('tell the server only what is new', async () => {
    await make('web', 'blue');
    lab.names.changes.length = 0;
    await make('client', 'blue');
    assert.deepEqual(lab.names.changes.map(({ change }) => change), ['set-endpoint', 'set-asker']);
    lab.names.changes.length = 0;
    await lab.controller.reconcile();
    assert.deepEqual(lab.names.changes, []);
  });

  it('of an adopted namespace are known to all, and served inside only when it was asked for', async () => {
    for (const name of ['quiet', 'asking']) {
      lab.kernel.model.addNamespace(`/run/netns/${name}`);
      await lab.kernel.apply([{ op: 'link-add', namespace: `/run/netns/${name}`, name: 'lo', kind: { type: 'bridge' } }]);
    }
    await make('client', 'blue');
    lab.kernel.clear();
    await lab.controller.adoptSandbox({ name: 'quiet', namespace: '/run/netns/quiet', networks: [{ network: 'blue' }] });
    assert.deepEqual(lab.ask('client', 'quiet'), ['10.9.0.3']);
    assert.deepEqual(lab.redirects(), []);
    const asking = await lab.controller.adoptSandbox({ name: 'asking', namespace: '/run/netns/asking', networks: [{ network: 'blue' }], dns: { servers: ['192.0.2.53'] } });
    assert.equal(asking.resolver, '127.0.0.11');
    assert.equal(lab.controller.sandbox('quiet').resolver, null);
    assert.deepEqual(lab.redirects().map(({ op, namespace }) => `${op} ${namespace}`), ['redirect-set /run/netns/asking']);
    await lab.controller.removeSandbox('asking');
    assert.deepEqual(lab.redirects().at(-1), { op: 'redirect-delete', namespace: '/run/netns/asking', table: 'netctl_0badcafe' });
  });

  it('of links and extra hosts are the sandbox’s own, and follow the neighbour', async () => {
    await make('web', 'blue');
    await lab.controller.createSandbox({ name: 'client', networks: [{ network: 'blue' }, { network: 'inner' }], links: ['web:site', 'later'], extraHosts: ['x.example:10.1.2.3', 'six:fd00::5'] });
    assert.deepEqual(lab.ask('client', 'site'), ['10.9.0.2']);
    assert.deepEqual(lab.ask('client', 'x.example'), ['10.1.2.3']);
    assert.deepEqual(lab.ask('client', 'six', 'AAAA'), ['fd00::5']);
    assert.equal(lab.ask('web', 'site'), 'forward');
    await lab.controller.disconnect('web', 'blue');
    assert.equal(lab.ask('client', 'site'), 'forward');
    await lab.controller.connect('web', { network: 'inner' });
    assert.deepEqual(lab.ask('client', 'site'), ['10.8.0.3']);
    await make('later', 'blue');
    assert.deepEqual(lab.ask('client', 'later'), ['10.9.0.4']);
    await lab.controller.removeSandbox('web');
    assert.equal(lab.ask('client', 'site'), 'forward');
  });

  it('of a link of one endpoint are good in its network, and as long as it is there', async () => {
    await make('web', 'blue');
    await lab.controller.connect('web', { network: 'inner' });
    await make('client', 'blue');
    await lab.controller.connect('client', { network: 'inner', links: ['web:store'] });
    assert.deepEqual(lab.ask('client', 'store'), ['10.8.0.2']);
    assert.deepEqual(lab.controller.sandbox('client').environment, { STORE_NAME: '/client/store' });
    await lab.controller.disconnect('web', 'inner');
    assert.equal(lab.ask('client', 'store'), 'forward');
    await lab.controller.connect('web', { network: 'inner' });
    assert.deepEqual(lab.ask('client', 'store'), ['10.8.0.4']);
    await lab.controller.disconnect('client', 'inner');
    assert.equal(lab.ask('client', 'store'), 'forward');
  });

  it('of links set the variables that Docker sets, as long as they lead somewhere', async () => {
    const environment = (): unknown => lab.controller.sandbox('client').environment;
    await lab.controller.createSandbox({ name: 'client', networks: [{ network: 'blue' }], links: ['web:my-db'] });
    assert.deepEqual(environment(), {});
    await lab.controller.createSandbox({ name: 'web', networks: [{ network: 'blue' }], exposed: ['53/udp', '9000', '80-81', '53'] });
    const port = (name: string, protocol: string, number: number): Record<string, string> => ({
      [name]: `${protocol}://10.9.0.3:${String(number)}`,
      [`${name}_ADDR`]: '10.9.0.3',
      [`${name}_PORT`]: String(number),
      [`${name}_PROTO`]: protocol,
    });
    assert.deepEqual(environment(), {
      MY_DB_NAME: '/client/my-db',
      MY_DB_PORT: 'tcp://10.9.0.3:53',
      ...port('MY_DB_PORT_53_TCP', 'tcp', 53),
      ...port('MY_DB_PORT_80_TCP', 'tcp', 80),
      ...port('MY_DB_PORT_81_TCP', 'tcp', 81),
      MY_DB_PORT_80_TCP_START: 'tcp://10.9.0.3:80',
      MY_DB_PORT_80_TCP_PORT_START: '80',
      MY_DB_PORT_80_TCP_END: 'tcp://10.9.0.3:81',
      MY_DB_PORT_80_TCP_PORT_END: '81',
      ...port('MY_DB_PORT_9000_TCP', 'tcp', 9000),
      ...port('MY_DB_PORT_53_UDP', 'udp', 53),
    });
    await lab.controller.disconnect('web', 'blue');
    assert.deepEqual(environment(), {});
  });

  it('outside are asked for only by those who may go there', async () => {
    const asked = (name: string): unknown => lab.ask(name, 'example.com');
    await make('none');
    await make('in', 'inner');
    await make('both', 'inner', 'blue');
    assert.deepEqual([asked('none'), asked('in'), asked('both')], ['NXDOMAIN', 'NXDOMAIN', 'forward']);
    await lab.controller.createSandbox({ name: 'told', networks: [{ network: 'inner' }], dns: { servers: ['10.8.0.53'], options: ['ndots:1'] } });
    assert.equal(asked('told'), 'forward');
    assert.equal(lab.ask('told', 'single'), 'NXDOMAIN');
  });

  it('are there again after a restart, at other ports', async () => {
    await make('web', 'blue');
    await lab.controller.createSandbox({ name: 'client', networks: [{ network: 'blue' }], links: ['web:site'] });
    lab.kernel.clear();
    await lab.open();
    assert.equal(lab.servers.length, 2);
    assert.equal(lab.servers[0]?.closed, true);
    assert.deepEqual(lab.ask('client', 'site'), ['10.9.0.2']);
    assert.deepEqual(lab.redirects().map(({ namespace }) => namespace), ['/run/netns/web', '/run/netns/client']);
  });

  it('a server that crashes is replaced, and told everything', async () => {
    await make('web', 'blue');
    await make('client', 'blue');
    lab.now += 60_000;
    lab.names.broken = true;
    lab.crash(new NetworkError('INTERNAL', 'out of memory'));
    await lab.controller.reconcile();
    assert.equal(lab.servers.length, 2);
    assert.deepEqual(lab.ask('client', 'web'), ['10.9.0.2']);
    assert.deepEqual(lab.warnings, ['the name server has crashed: out of memory']);
    // Also when nobody says so.
    lab.names.broken = true;
    await make('third', 'blue');
    assert.equal(lab.servers.length, 3);
    assert.deepEqual(lab.ask('client', 'third'), ['10.9.0.4']);
  });

  it('are known to whoever asks by hand before there is any sandbox', async () => {
    await assert.rejects(lab.controller.queryName({ name: 'host.netctl.internal' }, AbortSignal.timeout(100)));
    const told = lab.names.changes.flatMap((change) => (change.change === 'set-network' ? [change.network.name] : []));
    assert.deepEqual(told, ['blue', 'inner']);
  });

  it('that mean something else everywhere are nobody’s, and not listed', async () => {
    await lab.controller.createSandbox({ name: 'localhost', hostname: 'own', networks: [{ network: 'inner' }] });
    await lab.controller.createSandbox({ name: 'x'.repeat(64), hostname: 'long', networks: [{ network: 'inner' }] });
    const listed = lab.controller.names('inner').flatMap(({ name, from }) => (from === 'id' || from === 'host' ? [] : [name]));
    assert.deepEqual(listed, ['own', 'long']);
    assert.deepEqual(lab.ask('localhost', 'long'), ['10.8.0.3']);
  });

  it('one that crashes right away is not started for ever', async () => {
    await make('web', 'blue');
    for (const _round of [1, 2, 3]) lab.crash(new NetworkError('INTERNAL', 'again'));
    await lab.controller.diagnose();
    assert.ok(lab.servers.length <= 2, String(lab.servers.length));
  });

  it('that cannot be served leave the sandbox, and are a finding until a repair', async () => {
    await make('first', 'blue');
    lab.names.refusals.set('/run/netns/web', new NetworkError('KERNEL', 'no descriptors left'));
    await make('web', 'blue');
    assert.deepEqual(lab.ask('first', 'web'), ['10.9.0.3']);
    assert.deepEqual(lab.warnings, ["names are not served in sandbox 'web': no descriptors left"]);
    const wrong = async (): Promise<string[]> => (await lab.controller.diagnose()).filter(({ subject, level }) => subject === 'names' && level !== 'ok').map(({ message }) => message);
    assert.deepEqual(await wrong(), lab.warnings);
    lab.names.refusals.clear();
    assert.deepEqual(await lab.controller.reconcile(), [`${lab.warnings[0] ?? ''}: put right`]);
    assert.deepEqual(await wrong(), []);
    assert.ok(lab.redirects().some(({ namespace }) => namespace === '/run/netns/web'));
  });

  it('a redirect that the kernel refuses concerns nobody else', async () => {
    await make('web', 'blue');
    await make('client', 'blue');
    await lab[Symbol.asyncDispose]();
    lab.kernel.failOn((op) => op.op === 'redirect-set' && op.namespace === '/run/netns/web', { times: Infinity });
    lab.kernel.clear();
    await lab.open();
    assert.match(lab.warnings.join('\n'), /^names are not served in sandbox 'web': .*EPERM/);
    assert.ok(lab.redirects().some(({ namespace }) => namespace === '/run/netns/client'));
  });

  it('a redirect that somebody took away is drift, and put back', async () => {
    await make('web', 'blue');
    const [set] = lab.redirects();
    assert.ok(set);
    await lab.kernel.apply([{ op: 'redirect-delete', namespace: set.namespace, table: set.table }]);
    assert.deepEqual(await lab.controller.drift(), ['the way to the name server is missing in /run/netns/web']);
    assert.deepEqual(await lab.controller.reconcile(), ['the way to the name server restored in /run/netns/web']);
    assert.deepEqual(await lab.controller.drift(), []);
  });

  it('a rehearsal tells the server nothing, and shows the redirect', async () => {
    await make('web', 'blue');
    lab.names.changes.length = 0;
    const { ops } = await lab.controller.rehearse((copy) => copy.createSandbox({ name: 'client', networks: [{ network: 'blue' }] }));
    assert.deepEqual(ops.filter(({ op }) => op === 'redirect-set').map((op) => 'namespace' in op && op.namespace), ['/run/netns/client']);
    assert.deepEqual(lab.names.changes, []);
    assert.equal(lab.servers.length, 1);
  });

  it('end where a fresh start would, whatever happened', async function () {
    const sandbox = fc.constantFrom('a', 'b', 'c');
    const network = fc.constantFrom('blue', 'inner');
    const step = fc.oneof(
      fc.record({ do: fc.constant('create'), sandbox, network, link: sandbox }),
      fc.record({ do: fc.constantFrom('remove', 'connect', 'disconnect'), sandbox, network, link: sandbox }),
      fc.record({ do: fc.constant('break'), sandbox, network, link: sandbox }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        for (const one of steps) {
          const attempt = async (): Promise<unknown> => {
            switch (one.do) {
              case 'create':
                return lab.controller.createSandbox({ name: one.sandbox, networks: [{ network: one.network, aliases: ['all'] }], links: [`${one.link}:other`] });
              case 'remove':
                return lab.controller.removeSandbox(one.sandbox);
              case 'connect':
                return lab.controller.connect(one.sandbox, { network: one.network, links: [`${one.link}:here`] });
              case 'disconnect':
                return lab.controller.disconnect(one.sandbox, one.network);
              default:
                if (lab.servers.length > 0) lab.names.broken = true;
                return undefined;
            }
          };
          await attempt().catch((error: unknown) => assert.ok(error instanceof NetworkError && ['EXISTS', 'NOT_FOUND'].includes(error.code), String(error)));
        }
        await lab.controller.reconcile();
        const seen = (): unknown => lab.controller.sandboxes().map(({ name }) => ['a', 'b', 'c', 'all', 'other', 'here', 'a.blue', 'b.inner'].map((asked) => [name, asked, [...lab.ask(name, asked)].toSorted().join(' ')]));
        const before = seen();
        await lab.open();
        assert.deepEqual(before, seen());
        for (const { id } of lab.controller.sandboxes()) await lab.controller.removeSandbox(id);
      }),
      { numRuns: 40 },
    );
  });
});

describe('what has been asked', () => {
  it('is counted once for a container at the gateways of two networks', () => {
    const counts = (queries: number): DnsCounts => ({ ...new Counters().read(), queries, latency: [0, queries] });
    const askers = [['e1', 2], ['s1', 4], ['e2', 3], ['gone', 9]].map(([id, queries]) => ({ id: String(id), waiting: 0, connections: 0, ...counts(Number(queries)) }));
    const known = { sandboxes: new Map([['s1', { name: 'lab' }]]), endpoints: new Map(['e1', 'e2'].map((id) => [id, { name: 'web' }])) };
    const found = nameCounts(known, { all: counts(18), askers });
    assert.deepEqual(found.map(({ asker, queries, latency }) => [asker, queries, latency[1]]), [[null, 18, 18], ['web', 5, 5], ['lab', 4, 4]]);
  });
});
