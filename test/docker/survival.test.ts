import assert from 'node:assert/strict';
import { DockerLab } from '../support/docker-lab.ts';
import { eventually } from '../support/eventually.ts';
import { pings } from './cases/case.ts';

const HOST = '198.51.100.10';
const ADDRESS = '10.50.0.50';

/** Two containers that start whenever the engine does; `web` says hello at port 8080 of the host. */
async function town(lab: DockerLab): Promise<void> {
  await lab.docker('network', 'create', '-d', 'tsbridge', '--subnet', '10.50.0.0/24', 'blue');
  const always = ['--restart', 'always', '--network', 'blue'];
  await lab.docker('run', '-d', '--name', 'web', ...always, '--ip', ADDRESS, '-p', '8080:80', '-p', '127.0.0.1:8081:80', 'bb', 'httpd', '-f', '-p', '80', '-h', '/www');
  await lab.docker('run', '-d', '--name', 'client', ...always, 'bb', 'sleep', '100000');
}

/** Everything that can be seen of the town. */
async function seen(lab: DockerLab): Promise<object> {
  const page = async (from: { sh(script: string, options?: object): Promise<string> }, url: string): Promise<string> => from.sh(`curl -s -m 2 ${url}/index.html || echo failed`);
  const inside = await lab.engine.docker(['exec', 'client', 'wget', '-q', '-O', '-', 'http://web/index.html'], { allowFail: true });
  return {
    lan: await page(lab.host.outside, `http://${HOST}:8080`),
    host: await page(lab.host, 'http://127.0.0.1:8081'),
    name: inside.stdout.trim(),
    internet: await pings(lab, 'client', '203.0.113.7'),
    address: await lab.docker('inspect', '-f', '{{.NetworkSettings.Networks.blue.IPAddress}}', 'web'),
    published: (await lab.netctl.ok('port', 'web')).split('\n').toSorted(),
    endpoints: (await lab.netctl.json<{ endpoints: object[] }[]>('network', 'inspect', 'blue'))[0]?.endpoints.length,
  };
}

const ALL_WELL = {
  lan: 'hello', host: 'hello', name: 'hello', internet: true, address: ADDRESS,
  published: ['80/tcp -> 0.0.0.0:8080', '80/tcp -> 127.0.0.1:8081', '80/tcp -> [::]:8080'], endpoints: 2,
};

describe('a town of containers on tsbridge', function () {
  // An engine that was killed takes 10 s on a busy machine until its containers run again.
  let lab: DockerLab;
  let usable = false;

  beforeEach(async () => {
    if (!usable) lab = await DockerLab.start();
    usable = true;
    await lab.settle();
    await town(lab);
  });

  // What a failed test has left is nothing to build on.
  afterEach(async function () {
    if (this.currentTest?.state === 'passed') return;
    usable = false;
    await lab[Symbol.asyncDispose]();
  });

  after(() => lab[Symbol.asyncDispose]());

  const isWell = async (): Promise<void> => {
    await eventually(() => lab.docker('ps', '-q'), (ids) => ids.split('\n').length === 2);
    assert.deepEqual(await eventually(() => seen(lab), (what) => JSON.stringify(what) === JSON.stringify(ALL_WELL)), ALL_WELL);
  };
  const goesWithoutTrace = async (): Promise<void> => {
    await lab.clear();
    assert.deepEqual(await lab.left(), []);
  };

  it('is well', async () => {
    await isWell();
    await goesWithoutTrace();
  });

  it('is well again after the engine was restarted', async () => {
    await lab.engine.restart();
    await isWell();
    await goesWithoutTrace();
  });

  it('is well again after the engine was killed', async () => {
    await lab.engine.kill9();
    await lab.engine.start();
    await isWell();
    await goesWithoutTrace();
  });

  it('is well while the daemon is away and after it is back', async () => {
    await lab.daemon.kill('SIGTERM');
    assert.equal(await lab.host.outside.canReach(HOST, 8080), true);
    lab.daemon = await lab.netctl.daemon();
    await isWell();
    await goesWithoutTrace();
  });

  it('is well while the daemon lies killed and after it is back', async () => {
    await lab.daemon.kill('SIGKILL');
    assert.equal(await lab.host.outside.canReach(HOST, 8080), true);
    lab.daemon = await lab.netctl.daemon();
    await isWell();
    await goesWithoutTrace();
  });

  it('is well again after a power cut', async function () {
    await lab.reboot();
    await isWell();
    await goesWithoutTrace();
  });

  it('is well again after a container has lost its interface', async () => {
    await isWell();
    const [{ endpoints = [] } = {}] = await lab.netctl.json<{ endpoints: { id: string; ipv4: string }[] }[]>('network', 'inspect', 'blue');
    const web = endpoints.find(({ ipv4 }) => ipv4 === `${ADDRESS}/24`)?.id ?? '';
    await lab.host.sh(`ip link delete veth${web.slice(0, 11)}`);
    assert.equal(await eventually(() => lab.host.outside.canReach(HOST, 8080), (reached) => reached), true);
    await isWell();
    await lab.docker('restart', '-t', '0', 'web');
    await isWell();
    await goesWithoutTrace();
  });

  it('is well again after its bridge was deleted', async () => {
    const id = await lab.docker('network', 'inspect', '-f', '{{.Id}}', 'blue');
    await lab.host.sh(`ip link delete br-${id.slice(0, 12)}`);
    assert.equal(await eventually(() => lab.host.outside.canReach(HOST, 8080), (reached) => reached), true);
    await isWell();
    await goesWithoutTrace();
  });

  it('leaves nothing when its network is removed while the daemon is down, and can be built again in the same place', async function () {
    await isWell();
    await lab.docker('rm', '-f', 'web', 'client');
    await lab.daemon.kill('SIGKILL');
    // The engine asks for 15 seconds, then forgets the network.
    await lab.docker('network', 'rm', 'blue');
    lab.daemon = await lab.netctl.daemon();
    assert.deepEqual(await eventually(() => lab.left(), (left) => left.length === 0), []);
    assert.doesNotMatch(await lab.netctl.ok('network', 'ls'), /blue|docker/);
    await town(lab);
    await isWell();
    await goesWithoutTrace();
  });

  it('is well again after all of its containers died while the daemon was down', async function () {
    await lab.daemon.kill('SIGKILL');
    await lab.engine.kill9();
    const pids = (await lab.host.sh("pgrep -x httpd; pgrep -f '^sleep 100000'")).split('\n');
    await lab.host.sh(`kill -9 ${pids.join(' ')}`);
    lab.daemon = await lab.netctl.daemon();
    await lab.engine.start();
    await isWell();
    await goesWithoutTrace();
  });

  it('is well again after all rules of the host were flushed', async () => {
    await lab.host.sh('nft flush ruleset');
    assert.equal(await eventually(() => lab.host.outside.canReach(HOST, 8080), (reached) => reached), true);
    await isWell();
  });
});

describe('a town of containers that outlive their engine (live-restore)', () => {
  let lab: DockerLab;

  before(async function () {
    lab = await DockerLab.start({ flags: ['--live-restore'] });
    await town(lab);
  });

  after(() => lab[Symbol.asyncDispose]());

  it('is well while the engine is away, after it is back, and takes changes then', async function () {
    const pid = await lab.docker('inspect', '-f', '{{.State.Pid}}', 'web');
    await lab.engine.stop();
    assert.equal(await lab.host.outside.canReach(HOST, 8080), true);
    await lab.engine.start();
    assert.equal(await lab.docker('inspect', '-f', '{{.State.Pid}}', 'web'), pid);
    assert.deepEqual(await eventually(() => seen(lab), (what) => JSON.stringify(what) === JSON.stringify(ALL_WELL)), ALL_WELL);
    await lab.docker('network', 'create', '-d', 'tsbridge', '--subnet', '10.51.0.0/24', 'red');
    await lab.docker('network', 'connect', 'red', 'web');
    await lab.docker('network', 'disconnect', 'blue', 'web');
    assert.equal(await eventually(() => lab.host.outside.canReach(HOST, 8080), (reached) => reached), true);
    await lab.clear();
    assert.deepEqual(await lab.left(), []);
  });
});
