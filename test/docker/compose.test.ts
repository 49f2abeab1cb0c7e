import assert from 'node:assert/strict';
import { DockerLab } from '../support/docker-lab.ts';

const FILE = `version: '3.5'
services:
  web:
    image: bb
    command: httpd -f -p 80 -h /www
    ports: ['8090:80', '127.0.0.1:8091:80']
    networks:
      front: { aliases: [www] }
      back: { ipv4_address: 10.81.0.80 }
  client:
    image: bb
    command: sleep 100000
    networks: [front]
  db:
    image: bb
    command: sleep 100000
    networks: [back]
networks:
  front:
    driver: tsbridge
    driver_opts: { com.docker.network.driver.mtu: 1400 }
    ipam: { driver: tsipam, config: [{ subnet: 10.80.0.0/24 }] }
  back:
    driver: tsbridge
    internal: true
    ipam: { config: [{ subnet: 10.81.0.0/24 }] }
`;

describe('a compose file with networks of tsbridge', () => {
  let lab: DockerLab;

  before(async () => {
    lab = await DockerLab.start();
  });

  after(() => lab[Symbol.asyncDispose]());

  it('comes up, serves, is scaled and goes down without a trace', async function () {
    await lab.engine.compose(FILE, ['up', '-d']);
    const get = async (service: string, url: string): Promise<string> => (await lab.engine.compose(FILE, ['exec', '-T', service, 'wget', '-q', '-O', '-', url], { allowFail: true })).stdout.trim();
    assert.equal(await get('client', 'http://web/index.html'), 'hello');
    assert.equal(await get('client', 'http://www/index.html'), 'hello');
    assert.equal(await get('db', 'http://10.81.0.80/index.html'), 'hello');
    assert.equal(await lab.host.outside.sh('curl -s -m 2 http://198.51.100.10:8090/index.html'), 'hello');
    assert.equal(await lab.host.sh('curl -s -m 2 http://127.0.0.1:8091/index.html'), 'hello');
    await lab.engine.compose(FILE, ['up', '-d', '--scale', 'client=3']);
    assert.equal((await lab.docker('ps', '-q')).split('\n').length, 5);
    await lab.engine.compose(FILE, ['down', '-t', '0']);
    assert.deepEqual(await lab.left(), []);
  });
});
