import assert from 'node:assert/strict';
import { Engine } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { difference, type MachineState } from '../support/machine-state.ts';
import { MultiHostLab, type LabHost } from '../support/multi-host.ts';

interface DockerHost extends LabHost {
  readonly engine: Engine;
}

describe('an engine’s network over hosts', function () {
  let lab: MultiHostLab;
  let one: DockerHost;
  let two: DockerHost;
  let clean: MachineState[];

  before(async function () {
    lab = await MultiHostLab.start(this, 2);
    const [first, second] = await Promise.all([lab.host(1), lab.host(2)].map(async (host) => Object.assign(host, { engine: await Engine.start(host.host) })));
    assert.ok(first !== undefined && second !== undefined);
    [one, two] = [first, second];
    clean = await Promise.all([one, two].map(({ host }) => host.snapshot()));
  });

  after(async () => {
    for (const host of [one, two]) await host?.engine[Symbol.asyncDispose]();
    await lab?.[Symbol.asyncDispose]();
  });

  afterEach(async () => {
    for (const { netctl } of [one, two]) {
      const names = (await netctl.json<{ name: string }[]>('sandbox', 'ls')).map(({ name }) => name);
      if (names.length > 0) await netctl.ok('sandbox', 'rm', ...names);
    }
    for (const { engine } of [one, two]) {
      const containers = (await engine.ask('ps', '-aq')).split('\n').filter((line) => line !== '');
      if (containers.length > 0) await engine.ask('rm', '-f', ...containers);
      const networks = (await engine.ask('network', 'ls', '-q', '--filter', 'type=custom')).split('\n').filter((line) => line !== '');
      if (networks.length > 0) await engine.ask('network', 'rm', ...networks);
    }
    const left = (await one.netctl.json<{ name: string; driver: string }[]>('network', 'ls')).filter(({ driver }) => driver === 'overlay').map(({ name }) => name);
    for (const name of left) await one.netctl.ok('network', 'rm', name);
    for (const [index, { host, netctl }] of [one, two].entries()) {
      await eventually(() => netctl.ok('network', 'ls'), (list) => !list.includes('overlay'));
      const stray = await eventually(async () => difference(clean[index] ?? new Map(), await host.snapshot(), ['links', 'routes', 'namespaces', 'nftables', 'neighbours']).filter((line) => !line.includes('docker0')), (lines) => lines.length === 0);
      assert.deepEqual(stray, []);
    }
  });

  const words = (name: string, ...more: readonly string[]): string[] => ['network', 'create', '-d', 'tsoverlay', '--ipam-driver', 'tsipam', '--ipam-opt', `network=${name}`, '-o', `tsoverlay.network=${name}`, ...more, name];
  const create = ({ engine }: DockerHost, name: string, ...more: readonly string[]): Promise<string> => engine.ask(...words(name, ...more));
  /** Runs a container that waits. @returns its address */
  const run = async ({ engine }: DockerHost, name: string, ...more: readonly string[]): Promise<string> => {
    await engine.ask('run', '-d', '--name', name, '--network', 'blue', ...more, 'bb', ...(more.includes('-p') ? ['httpd', '-f', '-h', '/www'] : ['sleep', '100000']));
    return engine.ask('inspect', '-f', '{{.NetworkSettings.Networks.blue.IPAddress}}', name);
  };
  const pings = async ({ engine }: DockerHost, from: string, to: string): Promise<boolean> => (await engine.docker(['exec', from, 'ping', '-c1', '-W1', to], { allowFail: true })).code === 0;
  const refusal = async ({ engine }: DockerHost, ...asked: readonly string[]): Promise<string> => {
    const { code, stderr } = await engine.docker(asked, { allowFail: true });
    assert.notEqual(code, 0, `docker ${asked.join(' ')} was to fail`);
    return stderr.trim().replace(/^(?:docker: )?Error response from daemon: /, '').split('\n')[0] ?? '';
  };

  it('carries packets of containers by address and by name, and publishes at the container’s host', async () => {
    for (const host of [one, two]) await create(host, 'blue', '--subnet', '10.1.0.0/24', '-o', 'tsoverlay.dns=gateway');
    const web = await run(one, 'web', '-p', '8080:80');
    const client = await run(two, 'client', '--dns', '10.1.0.1', '--network-alias', 'visitor');
    assert.notEqual(web, client);
    assert.equal(await pings(two, 'client', web), true);
    assert.equal(await pings(one, 'web', client), true);
    assert.equal(await eventually(() => pings(two, 'client', 'web'), Boolean), true);
    await run(one, 'asker', '--dns', '10.1.0.1');
    assert.equal(await eventually(() => pings(one, 'asker', 'visitor'), Boolean), true);
    // A new name is heard of when it is given, not at the next comparison.
    await one.engine.ask('rename', 'web', 'shop');
    assert.equal(await eventually(() => pings(two, 'client', 'shop'), Boolean), true);
    assert.equal(await pings(two, 'client', 'web'), false);
    await one.engine.ask('rename', 'shop', 'web');
    assert.equal((await two.host.exec(['curl', '-s', '-m', '2', `http://${one.host.address4}:8080/`])).stdout.trim(), 'hello');
    const inside = await two.engine.container('client');
    assert.equal((await inside.exec(['curl', '-s', '-m', '2', `http://${one.host.address4}:8080/`])).stdout.trim(), 'hello');
    assert.equal((await inside.exec(['curl', '-s', '-m', '2', `http://${web}/`])).stdout.trim(), 'hello');
    // The engine takes its own name of the network away, and nothing else.
    await one.engine.ask('rm', '-f', 'web', 'asker');
    await one.engine.ask('network', 'rm', 'blue');
    assert.match(await one.netctl.ok('network', 'ls'), /blue/);
    await run(two, 'second');
    assert.equal(await pings(two, 'client', 'second'), true);
    await two.engine.ask('rm', '-f', 'client', 'second');
    await two.engine.ask('network', 'rm', 'blue');
    for (const { netctl } of [one, two]) assert.doesNotMatch(await eventually(() => netctl.ok('network', 'ls'), (list) => !list.includes('blue')), /blue/);
  });

  it('joins what netctl has made, with sandboxes in it, and leaves it there', async () => {
    await one.netctl.ok('network', 'create', '-d', 'overlay', '--subnet', '10.1.0.0/24', '--subnet', 'fd00:1::/64', '-o', 'tsoverlay.dns=gateway', 'blue');
    await two.netctl.ok('sandbox', 'create', '--network', 'blue', 'box');
    await create(one, 'blue', '--subnet', '10.1.0.0/24', '--gateway', '10.1.0.1', '--ipv6', '--subnet', 'fd00:1::/64');
    await create(two, 'blue', '--subnet', '10.1.0.0/24');
    const web = await run(one, 'web', '--dns', '10.1.0.1');
    const near = await run(two, 'near');
    for (const address of [web, near]) assert.match(await two.netctl.ok('exec', 'box', 'ping', '-c1', '-W2', address), / 0% packet loss/);
    assert.equal(await pings(one, 'web', 'box'), true);
    await eventually(() => two.netctl.run(['exec', 'box', 'ping', '-c1', '-W2', 'web']), ({ code }) => code === 0);
    const [network] = await one.netctl.json<{ endpoints: { ipv6: string | null }[] }[]>('network', 'inspect', 'blue');
    assert.match(network?.endpoints[0]?.ipv6 ?? '', /^fd00:1::/);
    assert.match((await one.netctl.run(['network', 'rm', 'blue'])).stderr, /^netctl: network 'blue' is one of the engine's too: use 'docker network rm blue'/);
    await one.engine.ask('rm', '-f', 'web');
    await one.engine.ask('network', 'rm', 'blue');
    assert.match((await one.netctl.run(['network', 'rm', 'blue'])).stderr, /^netctl: network 'blue' is one of the engine’s on h2: 'docker network rm' there first/);
    await two.engine.ask('rm', '-f', 'near');
    await two.engine.ask('network', 'rm', 'blue');
    assert.match(await one.netctl.ok('network', 'ls'), /blue/);
    assert.match(await two.netctl.ok('exec', 'box', 'ping', '-c1', '-W2', '10.1.0.1'), / 0% packet loss/);
  });

  it('has several subnets of either family', async () => {
    const subnets = ['--subnet', '10.1.0.0/24', '--subnet', '10.2.0.0/24', '--ipv6', '--subnet', 'fd00:1::/64'];
    for (const host of [one, two]) await create(host, 'blue', ...subnets);
    const web = await run(one, 'web', '--ip', '10.2.0.5', '--ip6', 'fd00:1::5');
    assert.equal(web, '10.2.0.5');
    const near = await run(two, 'near');
    // Whichever the engine's command line names first, which is left to chance.
    assert.match(near, /^10\.[12]\.0\./);
    for (const address of [web, 'fd00:1::5']) assert.equal(await pings(two, 'near', address), true, address);
    assert.equal(await pings(one, 'web', near), true);
  });

  it('gives no address twice, whoever is killed', async () => {
    await Promise.all([one, two].map((host) => create(host, 'blue', '--subnet', '10.1.0.0/24')));
    const web = await run(one, 'web', '--restart', 'always');
    const far = await run(two, 'far');
    assert.match(await refusal(two, 'run', '--rm', '--network', 'blue', '--ip', web, 'bb', 'true'), /address 10\.1\.0\.\d+ is not to be had: it is taken by .* on host 'h1'/);
    await lab.restartDaemon(one);
    assert.equal(await pings(two, 'far', web), true);
    await one.engine.kill9();
    await one.engine.start();
    await eventually(() => one.engine.ask('ps', '-q'), (ids) => ids !== '');
    const again = await one.engine.ask('inspect', '-f', '{{.NetworkSettings.Networks.blue.IPAddress}}', 'web');
    assert.equal(await eventually(() => pings(two, 'far', again), Boolean), true);
    await two.engine.restart();
    await two.engine.ask('start', 'far');
    const more = await Promise.all([one, two].flatMap((host) => ['aa', 'bb', 'cc'].map((name) => run(host, name))));
    const box = async ({ netctl }: DockerHost): Promise<string> => {
      await netctl.ok('sandbox', 'create', '--network', 'blue', 'box');
      return (await netctl.json<{ endpoints: { ipv4: string }[] }[]>('sandbox', 'inspect', 'box'))[0]?.endpoints[0]?.ipv4.split('/')[0] ?? '';
    };
    const all = [again, far, ...more, await box(one), await box(two)];
    assert.equal(new Set(all).size, all.length, all.join(' '));
    // An address of the other host, which agrees to it.
    const asked = await run(two, 'asked', '--ip', '10.1.0.14');
    assert.equal(asked, '10.1.0.14');
    assert.equal(await pings(one, 'aa', asked), true);
    await lab.restartDaemon(two);
    assert.match(await refusal(one, 'run', '--rm', '--network', 'blue', '--ip', asked, 'bb', 'true'), /10\.1\.0\.14/);
  });

  it('refuses with a line what the hosts could not all have', async () => {
    await one.netctl.ok('network', 'create', '-d', 'overlay', '--subnet', '10.1.0.0/24', 'blue');
    const ours = ['--ipam-driver', 'tsipam', '--ipam-opt', 'network=blue'];
    const cases: readonly [readonly string[], RegExp][] = [
      [words('blue'), /^remote: network 'blue' of the cluster is there already, .*: add --subnet 10\.1\.0\.0\/24$/],
      [words('blue', '--subnet', '10.2.0.0/24'), /^remote: subnet 10\.2\.0\.0\/24 is not that of network 'blue' of the cluster, which has 10\.1\.0\.0\/24: use that on every host$/],
      [words('blue', '--subnet', '10.1.0.0/24', '--gateway', '10.1.0.9'), /gateway 10\.1\.0\.9 is not that of network 'blue' of the cluster, which has 10\.1\.0\.1 on every host: leave --gateway out$/],
      [words('blue', '--subnet', '10.1.0.0/24', '--ip-range', '10.1.0.128/25'), /--ip-range 10\.1\.0\.128\/25 is not that of network 'blue'.*leave it out$/],
      [words('blue', '--subnet', '10.1.0.0/24', '--internal'), /leave --internal out$/],
      [words('blue', '--subnet', '10.1.0.0/24', '-o', 'tsoverlay.vni=7'), /option tsoverlay\.vni=7: network 'blue' of the cluster has \d+, on every host: leave it out$/],
      [words('blue', '--subnet', '10.1.0.0/24', '--ipv6', '--subnet', 'fd00:1::/64'), /has no IPv6 subnet: leave --ipv6 out$/],
      [['network', 'create', '-d', 'tsoverlay', '-o', 'tsoverlay.network=blue', 'x'], /are given by this host alone: add --ipam-driver tsipam --ipam-opt network=blue/],
      [['network', 'create', '-d', 'tsoverlay', '--subnet', '10.1.0.0/24', ...ours, 'x'], /is named twice: -o tsoverlay\.network=NAME --ipam-driver tsipam --ipam-opt network=NAME$/],
      [['network', 'create', '-d', 'tsoverlay', '--subnet', '10.1.0.0/24', '-o', 'tsoverlay.network=red', ...ours, 'x'], /-o tsoverlay\.network=red and --ipam-opt network=blue do not agree: give both the same name$/],
      [['network', 'create', '-d', 'tsbridge', '--subnet', '10.1.0.0/24', ...ours, 'x'], /tsbridge is for this host alone: use -d tsoverlay -o tsoverlay\.network=blue, or leave --ipam-opt out$/],
      [words('red', '--subnet', '10.1.0.0/25'), /subnet 10\.1\.0\.0\/25 overlaps 10\.1\.0\.0\/24 of network 'blue'/],
      [words('red', '--subnet', '10.5.0.0/24', '-o', 'tsoverlay.port=x'), /tsoverlay\.port/],
    ];
    for (const [asked, pattern] of cases) assert.match(await refusal(one, ...asked), pattern);
    assert.deepEqual(await one.engine.ask('network', 'ls', '-q', '--filter', 'type=custom'), '');
    // Nothing of them is left: the addresses are free.
    await create(one, 'red', '--subnet', '10.5.0.0/24');
    await lab.stopEtcd();
    assert.match(await refusal(two, ...words('green', '--subnet', '10.6.0.0/24')), /^remote: .*198\.51\.100\.1:2379/);
    await lab.startEtcd();
    await eventually(() => two.engine.docker(words('green', '--subnet', '10.6.0.0/24'), { allowFail: true }), ({ code }) => code === 0);
  });
});
