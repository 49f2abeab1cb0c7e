import assert from 'node:assert/strict';
import { DockerLab } from '../support/docker-lab.ts';
import { eventually } from '../support/eventually.ts';
import { answerOf, pings, serveAll } from './cases/case.ts';

const HOST = '198.51.100.10';

describe('networks whose ports the engine publishes (tsbridge.publisher=engine)', () => {
  let lab: DockerLab;

  before(async () => {
    lab = await DockerLab.start();
    await lab.docker('network', 'create', '-d', 'tsbridge', '-o', 'tsbridge.publisher=engine', '--subnet', '10.70.0.0/24', 'blue');
  });

  after(() => lab[Symbol.asyncDispose]());

  it('are listed by docker port and docker ps, and reached', async () => {
    const web = await lab.run('web', 'blue', '-p', '8080:80', '-p', '127.0.0.1::81');
    await using _served = await serveAll(web, [80]);
    const ports = await lab.docker('port', 'web');
    assert.match(ports, /^80\/tcp -> 0\.0\.0\.0:8080$/m);
    assert.match(ports, /^81\/tcp -> 127\.0\.0\.1:\d+$/m);
    assert.match(await lab.docker('ps', '--format', '{{.Ports}}'), /0\.0\.0\.0:8080->80\/tcp/);
    assert.equal(await answerOf(lab.host.outside, HOST, 8080), '198.51.100.1');
    assert.match(await lab.netctl.ok('port', 'web'), /^80\/tcp -> 0\.0\.0\.0:8080$/m);
  });

  it('lead out through docker_gwbridge, and neighbours meet on their own network', async () => {
    await using outside = await lab.host.outside.serve(0, 'tcp', 'internet');
    const client = await lab.run('client', 'blue');
    assert.equal(await answerOf(client, '203.0.113.7', outside.port), HOST);
    assert.equal(await pings(lab, 'client', 'web'), true);
    assert.deepEqual((await lab.addresses(client)).map((line) => line.split('.')[0]), ['eth0 10', 'eth1 172']);
    assert.match(await client.sh('ip -o route show default'), /^default via 172\.\d+\.0\.1 dev eth1 /);
  });

  it('come back when the daemon was killed and a veth was lost, without another way out', async () => {
    await lab.daemon.kill('SIGKILL');
    lab.daemon = await lab.netctl.daemon();
    const [{ endpoints = [] } = {}] = await lab.netctl.json<{ endpoints: { id: string }[] }[]>('network', 'inspect', 'blue');
    for (const { id } of endpoints) await lab.host.sh(`ip link delete veth${id.slice(0, 11)}`);
    assert.equal(await eventually(() => pings(lab, 'client', 'web'), (good) => good), true);
    const client = await lab.engine.container('client');
    assert.match(await client.sh('ip -o route show default'), /^default via 172\.\d+\.0\.1 dev eth1 $/);
  });

  it('refuse what would mean nothing', async () => {
    const create = ['network', 'create', '-d', 'tsbridge', '-o', 'tsbridge.publisher=engine'];
    assert.match(await lab.refusal(...create, '-o', 'com.docker.network.bridge.enable_ip_masquerade=false', 'red'), /^remote: option com\.docker\.network\.bridge\.enable_ip_masquerade means nothing with tsbridge\.publisher=engine/);
    assert.match(await lab.refusal(...create, '-o', 'com.docker.network.host_ipv4=198.51.100.10', 'red'), /host_ipv4 means nothing/);
    assert.match(await lab.refusal('network', 'create', '-d', 'tsbridge', '-o', 'tsbridge.publisher=me', 'red'), /^remote: option tsbridge\.publisher='me': must be driver or engine$/);
  });

  it('go without a trace of ours', async () => {
    await lab.docker('rm', '-f', 'web', 'client');
    await lab.docker('network', 'rm', 'blue');
    const left = (await lab.left()).filter((line) => line.includes('netctl') || line.includes('10.70.'));
    assert.deepEqual(left, []);
  });
});
