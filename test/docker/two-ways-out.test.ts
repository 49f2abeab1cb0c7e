import assert from 'node:assert/strict';
import { DockerLab } from '../support/docker-lab.ts';
import { skip } from '../support/skip.ts';
import { answerOf, serveAll } from './cases/case.ts';

const HOST = '198.51.100.10';
const HOST6 = '2001:db8:100::10';

describe('a container with a network for each family', () => {
  let lab: DockerLab;

  before(async function () {
    lab = await DockerLab.start();
    const major = Number((await lab.docker('version', '-f', '{{.Server.Version}}')).split('.')[0]);
    if (major < 28) skip(this, 'Docker engine 28 or newer (networks without IPv4)');
  });

  after(() => lab[Symbol.asyncDispose]());

  for (const driver of ['tsbridge', 'bridge']) {
    it(`publishes each family at its own network (-d ${driver})`, async () => {
      await lab.docker('network', 'create', '-d', driver, '--subnet', '10.90.0.0/24', 'four');
      await lab.docker('network', 'create', '-d', driver, '--ipv4=false', '--ipv6', '--subnet', 'fd00:90::/64', 'six');
      const web = await lab.run('web', 'four', '--network', 'six', '-p', '8080:80');
      await using _served = await serveAll(web, [80]);
      const reach = async (): Promise<string[]> => [await answerOf(lab.host.outside, HOST, 8080), await answerOf(lab.host.outside, HOST6, 8080)];
      assert.deepEqual(await reach(), ['198.51.100.1', '2001:db8:100::1']);
      await lab.docker('network', 'disconnect', 'six', 'web');
      // Over IPv6 through a proxy now.
      assert.deepEqual(await reach(), ['198.51.100.1', '10.90.0.1']);
      await lab.docker('network', 'connect', 'six', 'web');
      assert.deepEqual(await reach(), ['198.51.100.1', '2001:db8:100::1']);
      await lab.clear();
    });
  }
});
