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

describe('a town of containers on tsbridge', () => {
  let lab: DockerLab;

  beforeEach(async function () {
    this.timeout(60_000);
    lab = await DockerLab.start();
    await town(lab);
  });

  afterEach(() => lab[Symbol.asyncDispose]());

  const isWell = async (): Promise<void> => {
    await eventually(() => lab.docker('ps', '-q'), (ids) => ids.split('\n').length === 2, 15_000);
    assert.deepEqual(await eventually(() => seen(lab), (what) => JSON.stringify(what) === JSON.stringify(ALL_WELL), 3000), ALL_WELL);
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
});
