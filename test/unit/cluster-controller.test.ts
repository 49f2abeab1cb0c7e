import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { ClusterLab, ModelHost } from '../support/cluster-lab.ts';
import { rejects } from '../support/refusal.ts';

describe('networks that span hosts', () => {
  let lab: ClusterLab;
  let one: ModelHost;
  let two: ModelHost;
  let three: ModelHost;

  beforeEach(async () => {
    lab = await new ClusterLab().open(3);
    [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)];
  });

  afterEach(() => lab[Symbol.asyncDispose]());

  const everywhere = (name: string): Promise<void> => lab.eventually(() => lab.hosts.every(({ controller }) => controller.networks().some((network) => network.name === name)), `network ${name} everywhere`);
  const nowhere = (name: string): Promise<void> => lab.eventually(() => lab.hosts.every(({ controller }) => controller.networks().every((network) => network.name !== name)), `network ${name} nowhere`);
  const make = (host: ModelHost, name: string, ipv4?: string): ReturnType<ModelHost['controller']['createSandbox']> => host.controller.createSandbox({ name, networks: [{ network: 'blue', ...(ipv4 === undefined ? {} : { ipv4 }) }] });

  it('are there on all of them, the same, until one removes them', async () => {
    const { id } = await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24', 'fd00:1::/64'], auxiliary: { printer: '10.1.0.9' }, options: { 'tsoverlay.vni': '77' } });
    await everywhere('blue');
    for (const { controller } of lab.hosts) {
      const network = controller.network('blue');
      assert.deepEqual([network.id, network.settled['vni'], network.mtu, network.ipv4[0]?.gateway, network.ipv6[0]?.gateway], [id, '77', 1450, '10.1.0.1', 'fd00:1::1']);
    }
    await two.controller.removeNetwork('blue');
    await nowhere('blue');
    assert.equal(lab.servers.log.length > 0, true);
  });

  it('go on where the clock of the servers is another, which is said as long as it is', async () => {
    one.shared.turnClock({ server: 'etcd at http://h9:2379', ahead: -42_000 });
    assert.match(one.controller.cluster().problems.join(), /clock of this host is 42 s ahead of that of etcd at http:\/\/h9:2379/);
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
    await everywhere('blue');
    one.shared.turnClock(undefined);
    assert.deepEqual(one.controller.cluster().problems, []);
    assert.deepEqual(one.warnings.map((text) => text.slice(0, 25)), ['the clock of this host is', 'over: the clock of this h']);
  });

  it('give every endpoint an address that no other has, and its name everywhere', async () => {
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
    await everywhere('blue');
    const made = await Promise.all(lab.hosts.flatMap((host, index) => Array.from({ length: 20 }, (_, count) => make(host, `s${String(index)}-${String(count)}`))));
    const addresses = made.map(({ endpoints }) => endpoints[0]?.ipv4);
    assert.equal(new Set(addresses).size, 60);
    await lab.eventually(() => two.ask('s1-0', 's0-19').length === 1);
    assert.deepEqual(two.ask('s1-0', 's0-19'), [made[19]?.endpoints[0]?.ipv4?.split('/')[0]]);
    await one.controller.removeSandbox('s0-19');
    await lab.eventually(() => two.ask('s1-0', 's0-19') === 'forward');
  });

  it('say that the others do not hear of endpoints here as long as they do not', async () => {
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
    await everywhere('blue');
    two.shared.loses = (changes) => changes.some(({ key }) => key.startsWith('endpoint/'));
    await make(two, 'b');
    await lab.eventually(() => two.controller.cluster().problems.join() === 'the others do not hear of endpoints here: lost on its way');
    two.shared.loses = () => false;
    await lab.eventually(() => two.controller.cluster().problems.length === 0, 'it is over');
    assert.equal(one.controller.network('blue').remoteEndpoints?.length, 1);
  });

  it('give addresses of all their subnets before there is none', async () => {
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/29', '10.2.0.0/29', 'fd00:1::/64'] });
    await everywhere('blue');
    const made: string[] = [];
    const full = new Set<ModelHost>();
    for (let count = 0; full.size < lab.hosts.length; count += 1) {
      const host = lab.hosts[count % lab.hosts.length];
      if (host === undefined || full.has(host)) continue;
      try {
        const [endpoint] = (await make(host, `s${String(count)}`)).endpoints;
        made.push(endpoint?.ipv4 ?? '');
      } catch (error) {
        assert.match(String(error), /no block of 10\.1\.0\.0\/29, 10\.2\.0\.0\/29 is left for this host: network 'blue' is shared out among .*h1/);
        full.add(host);
      }
    }
    // Six addresses a subnet, and one of them is the gateway's.
    assert.deepEqual(made.toSorted(), ['10.1.0', '10.2.0'].flatMap((start) => [2, 3, 4, 5, 6].map((last) => `${start}.${String(last)}/29`)));
  });

  it('give an address that is asked for by name while a host takes its first ones', async () => {
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24', 'fd00:1::/64'] });
    await everywhere('blue');
    const made = await Promise.all([make(two, 'a'), make(two, 'b', '10.1.0.5'), two.controller.createSandbox({ name: 'c', networks: [{ network: 'blue', ipv4: '10.1.0.6', ipv6: 'fd00:1::6' }] })]);
    assert.deepEqual(made.map(({ endpoints }) => endpoints[0]?.ipv4), ['10.1.0.2/24', '10.1.0.5/24', '10.1.0.6/24']);
    assert.equal(made[2]?.endpoints[0]?.ipv6, 'fd00:1::6/64');
  });

  it('are shown with what they have on other hosts, names included', async () => {
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
    await everywhere('blue');
    const { endpoints } = await make(two, 'web');
    const [{ id, mac, ipv4 } = { id: '', mac: '', ipv4: null }] = endpoints;
    await lab.eventually(() => one.controller.network('blue').remoteEndpoints?.length === 1);
    assert.deepEqual(one.controller.network('blue').remoteEndpoints, [{ id, name: 'web', host: 'h2', mac, ipv4, ipv6: null }]);
    assert.deepEqual(two.controller.network('blue').remoteEndpoints, []);
    const listed = (host: ModelHost): unknown => host.controller.names('blue').find(({ name }) => name === 'web');
    await lab.eventually(() => listed(one) !== undefined);
    assert.deepEqual(listed(one), { name: 'web', addresses: [ipv4?.split('/')[0]], from: 'other host', network: 'blue', knownTo: null, owner: 'web' });
    await two.controller.removeSandbox('web');
    await lab.eventually(() => one.controller.network('blue').remoteEndpoints?.length === 0 && listed(one) === undefined);
  });

  it('have an address of another host only when that one agrees', async () => {
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
    await everywhere('blue');
    await make(one, 'first');
    await make(two, 'second', '10.1.0.5');
    await rejects(make(three, 'third', '10.1.0.5'), 'EXISTS', /10\.1\.0\.5/);
    await rejects(make(three, 'third', '10.1.0.2'), 'EXISTS', /taken by sandbox 'first' on host 'h1'/);
    await two.controller.removeSandbox('second');
    await lab.eventually(() => lab.servers.log.some(({ events }) => events.some(({ key, value }) => key.startsWith('claim/') && value === undefined)));
    assert.equal((await make(three, 'third', '10.1.0.5')).endpoints[0]?.ipv4, '10.1.0.5/24');
  });

  it('are removed when no host has endpoints there, whoever had some', async () => {
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
    await everywhere('blue');
    await make(two, 'web');
    await rejects(one.controller.removeNetwork('blue'), 'IN_USE', /in use on h2/);
    await two.controller.removeSandbox('web');
    await one.controller.removeNetwork('blue');
    await nowhere('blue');
  });

  it('are removed though a host could not say at first that it needs an address of another no more', async () => {
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
    await everywhere('blue');
    await make(one, 'first');
    await make(two, 'second', '10.1.0.5');
    let lost = 0;
    two.shared.loses = (changes) => changes.some(({ key, value }) => key.startsWith('claim/') && value === undefined) && (lost += 1) > 0;
    await two.controller.removeSandbox('second');
    await one.controller.removeSandbox('first');
    await lab.eventually(() => lost > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    two.shared.loses = () => false;
    await one.controller.removeNetwork('blue');
    await nowhere('blue');
  });

  it('refuse what another network has', async () => {
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'], options: { 'tsoverlay.vni': '77' } });
    await everywhere('blue');
    await rejects(two.controller.createNetwork({ name: 'blue', driver: 'overlay' }), 'EXISTS', /exists already/);
    const taken = [[{ options: { 'tsoverlay.vni': '77' } }, 'EXISTS', /VNI 77 is that of network 'blue'/], [{ subnets: ['10.1.0.0/16'] }, 'IN_USE', /overlaps 10\.1\.0\.0\/24/], [{ subnets: ['192.0.2.128/25'] }, 'FORBIDDEN', /^subnet 192\.0\.2\.128\/25 overlaps 192\.0\.2\.0\/24, which another host of the cluster reaches directly; choose another/]] as const;
    for (const [request, code, reason] of taken) await rejects(two.controller.createNetwork({ name: 'red', driver: 'overlay', ...request }), code, reason);
    assert.deepEqual(two.controller.networks().map(({ name }) => name), ['blue']);
  });

  it('come to a host as soon as nothing there is in their way', async () => {
    await two.controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24'] });
    await three.controller.createNetwork({ name: 'own', subnets: ['10.1.0.0/16'] });
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
    await lab.eventually(() => two.controller.cluster().problems.length === 1 && three.controller.cluster().problems.length === 1);
    assert.match(two.controller.cluster().problems[0] ?? '', /^network 'blue' of the cluster cannot be had here: network 'blue' exists already/);
    assert.match(three.controller.cluster().problems[0] ?? '', /^network 'blue' of the cluster cannot be had here: subnet 10\.1\.0\.0\/24 overlaps 10\.1\.0\.0\/16 of network 'own'/);
    await two.controller.removeNetwork('blue');
    await three.controller.removeNetwork('own');
    await everywhere('blue');
    await make(three, 'web');
  });

  it('are tried again each minute where something of others is in their way', async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    try {
      const four = new ModelHost(lab.servers, 4);
      four.kernel.failOn((op) => op.op === 'link-add');
      lab.hosts.push(await four.up());
      await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
      const isLacking = (): boolean => four.controller.cluster().problems.some((text) => text.includes('cannot be had here'));
      await lab.eventually(isLacking, 'blue is lacking');
      mock.timers.tick(60_000);
      await everywhere('blue');
      assert.equal(isLacking(), false);
    } finally {
      mock.timers.reset();
    }
  });

  it('that the cluster has no more go when their last endpoint here goes, and make room for others of their name', async () => {
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
    await everywhere('blue');
    await make(two, 'b');
    const { id, ...shared } = await one.controller.network('blue');
    const value = lab.servers.log.flatMap(({ events }) => events).find(({ key }) => key === `network/${id}`)?.value as object;
    const next = 'f'.repeat(64);
    // As where somebody edits a file of hosts.
    await lab.servers.commit([{ key: `network/${id}` }, { key: `network/${next}`, value: { ...value, id: next } }, { key: `lending/${next}`, value: '' }]);
    await lab.eventually(() => one.controller.network('blue').id === next);
    assert.equal(two.controller.network('blue').id, id);
    assert.match(two.controller.cluster().problems.join(), /is gone, and stays here: network 'blue' has active endpoints \(b\)/);
    await two.controller.removeSandbox('b');
    await lab.eventually(() => two.controller.network('blue').id === next && two.controller.cluster().problems.length === 0, 'the new one is there');
    assert.deepEqual(two.controller.network('blue').ipv4, shared.ipv4);
  });

  it('go on without the servers, with the addresses that a host has', async () => {
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
    await everywhere('blue');
    await make(one, 'first');
    for (const host of lab.hosts) host.shared.cut(true);
    const second = await make(one, 'second');
    assert.ok(second.endpoints[0]?.ipv4);
    await rejects(make(two, 'other'), 'UNAVAILABLE');
    await rejects(two.controller.createNetwork({ name: 'red', driver: 'overlay' }), 'UNAVAILABLE');
    await one.down();
    await one.up();
    await make(one, 'third');
    for (const host of lab.hosts) host.shared.cut(false);
    await make(two, 'other');
    await lab.eventually(() => two.ask('other', 'third').length === 1, 'its name');
  });

  it('count a host that a daemon knew before it started, though its lease ran out meanwhile', async () => {
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
    await everywhere('blue');
    await make(one, 'first');
    await make(two, 'second');
    await lab.eventually(() => one.ask('first', 'second').length === 1);
    await one.down();
    two.shared.cut(true);
    await two.shared.expire();
    await one.up();
    await lab.eventually(() => one.controller.cluster().isReachable);
    await make(one, 'third');
    assert.deepEqual(one.controller.cluster().hosts.map(({ name, state }) => `${name} ${state}`), ['h1 here', 'h2 lost', 'h3 there']);
    assert.equal(one.ask('first', 'second').length, 1);
    await lab.eventually(() => one.ask('first', 'second') === 'forward', 'that it is withdrawn');
    two.shared.cut(false);
    await lab.eventually(() => one.ask('first', 'second') !== 'forward', 'that it is back');
  });

  it('forget what a lost host had when they are told to', async () => {
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
    await everywhere('blue');
    await make(one, 'first');
    await one.down();
    await one.shared.expire();
    await rejects(make(two, 'other', '10.1.0.2'), 'UNAVAILABLE', /has not agreed/);
    await rejects(two.controller.removeNetwork('blue'), 'IN_USE', /lost/);
    await two.controller.forgetHost(one.record.id);
    assert.equal((await make(two, 'other', '10.1.0.2')).endpoints[0]?.ipv4, '10.1.0.2/24');
  });

  for (const name of ['h1', 'h4']) {
    it(`leave a host alone whose state folder was copied to ${name === 'h1' ? 'one of the same name' : 'another one'}: that one gives and tells nothing`, async () => {
      await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
      await everywhere('blue');
      await make(one, 'a');
      await lab.eventually(() => lab.servers.log.some(({ events }) => events.some(({ key }) => key.startsWith('endpoint/'))));
      const copy = await one.copy(lab.servers, 4, { name });
      lab.hosts.push(await copy.up());
      const refusal = /host 'h1' at 192\.0\.2\.1 has the id 00000001 of this one: was its state folder copied/;
      await lab.eventually(() => copy.controller.cluster().problems.some((text) => refusal.test(text)), 'the copy is refused');
      const before = lab.servers.log.length;
      await rejects(make(copy, 'b'), 'UNAVAILABLE', refusal);
      await copy.controller.removeSandbox('a');
      await make(one, 'c');
      const endpoints = lab.servers.log.slice(before).flatMap(({ events }) => events.filter(({ key }) => key.startsWith('endpoint/')));
      assert.equal(endpoints.some(({ value }) => value === undefined), false, 'an endpoint of the other was removed');
      await lab.eventually(() => two.controller.network('blue').remoteEndpoints?.length === 2, 'both endpoints of h1 are known');
      await one.down();
      await one.shared.expire();
      await lab.eventually(() => copy.controller.cluster().problems.length === 0, 'the place is free');
      await make(copy, 'b');
    });
  }

  it('pass over what no endpoint can have, and go on with everything else', async () => {
    const { id: networkId } = await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
    await everywhere('blue');
    const hostId = '000000ee';
    const host = { id: hostId, name: 'evil', address: '192.0.2.66', mtu: 1500, reaches: [] };
    const addresses = ['10.1.0.1/24', '192.0.2.254/24', '127.0.0.1/8', '10.1.0.77/24'];
    const endpoints = addresses.map((ipv4, at) => ({ id: String(at).repeat(64), networkId, hostId, mac: `02:00:00:00:00:0${String(at)}`, ipv4, names: [`e${String(at)}\u001b[2J`], services: [] }));
    const sixth = { id: '9'.repeat(64), networkId, hostId, mac: '02:00:00:00:00:09', ipv6: 'fe80::1/64', names: ['e9'], services: [] };
    await lab.servers.commit([
      { key: `host/${hostId}`, value: host },
      { key: 'host/000000ef', value: { ...host, id: '000000ef', name: 'lo', address: '127.0.0.1' } },
      { key: 'host/000000f0', value: { ...host, id: '000000f0', name: 'a\nb', address: '192.0.2.67' } },
      ...[...endpoints, sixth, { ...endpoints[3], id: 'a'.repeat(64), ipv4: '10.1.0.78/24', services: ['65536/tcp'] }].map((value) => ({ key: `endpoint/${networkId}/${value.id}`, value })),
    ]);
    const neighbours = (): string[] => one.kernel.model.links().flatMap((link) => (link.neighbours ?? []).map(({ address }) => address));
    await lab.eventually(() => neighbours().includes('10.1.0.77'));
    assert.deepEqual(neighbours(), ['10.1.0.77']);
    assert.deepEqual(one.controller.cluster().hosts.map(({ name }) => name), ['evil', 'h1', 'h2', 'h3']);
    assert.equal(one.warnings.filter((text) => text.startsWith('passed over in the cluster’s store: ')).length, 7);
    assert.match(one.warnings.join(), /endpoint 'e0\\u\{1b\}\[2J' of host 000000ee has 10\.1\.0\.1, which no endpoint of network 'blue' can have/);
    assert.equal(one.warnings.some((text) => /\p{Cc}/u.test(text)), false);
  });

  it('name a host whose address is of the other family, and go on among the others', async () => {
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
    await everywhere('blue');
    lab.hosts.push(await new ModelHost(lab.servers, 4, { address: '2001:db8::4' }).up());
    const four = lab.host(4);
    await everywhere('blue');
    await make(four, 'd');
    await make(two, 'b');
    await lab.eventually(() => one.controller.network('blue').remoteEndpoints?.length === 2);
    assert.match(one.controller.cluster().problems.join(), /^this host advertises 192\.0\.2\.1, and 'h4' \(2001:db8::4\) an address of the other family: VXLAN needs one/);
    assert.match(four.controller.cluster().problems.join(), /^this host advertises 2001:db8::4, and 'h1' \(192\.0\.2\.1\), 'h2' \(192\.0\.2\.2\), 'h3'/);
    const destinations = (host: ModelHost): string[] => host.kernel.model.links().flatMap(({ forwarding }) => forwarding.flatMap((entry) => ('destination' in entry ? [entry.destination] : [])));
    assert.deepEqual([...new Set(destinations(one))], ['192.0.2.2']);
    assert.deepEqual(destinations(four), []);
  });

  it('do not press a store that answers and refuses a host', async () => {
    const four = new ModelHost(lab.servers, 4);
    let attempts = 0;
    four.shared.loses = () => (attempts += 1) > 0;
    lab.hosts.push(await four.up());
    await lab.eventually(() => four.controller.cluster().problems.join() === 'this host is not among the others: lost on its way');
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(attempts < 5, `${String(attempts)} attempts`);
    four.shared.loses = () => false;
    await lab.eventually(() => four.controller.cluster().problems.length === 0, 'it is among them');
  });
});
