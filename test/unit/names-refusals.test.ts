import assert from 'node:assert/strict';
import { NamesLab } from '../support/names-lab.ts';
import { rejects } from '../support/refusal.ts';

describe('what is said about names', () => {
  let lab: NamesLab;

  beforeEach(async () => {
    lab = await new NamesLab().open();
    await lab.controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24'] });
    await lab.controller.createNetwork({ name: 'inner', subnets: ['10.8.0.0/24'], internal: true });
  });

  afterEach(() => lab[Symbol.asyncDispose]());

  const refused: readonly (readonly [request: object, message: RegExp])[] = [
    [{ dns: { servers: ['ns1'] } }, /'ns1' is not an IP address/],
    [{ dns: { servers: ['0.0.0.0'] } }, /'0\.0\.0\.0' is the address of no host/],
    [{ dns: { servers: ['ff02::1'] } }, /'ff02::1' is the address of no host/],
    [{ dns: { servers: ['127.0.0.11'] } }, /it would be asked by itself/],
    [{ dns: { servers: ['::ffff:127.0.0.11'] } }, /it would be asked by itself/],
    [{ dns: { servers: ['::ffff:0.0.0.0'] } }, /is the address of no host/],
    [{ dns: { servers: ['255.255.255.255'] } }, /is the address of no host/],
    [{ dns: { servers: ['10.9.0.255'] }, networks: [{ network: 'blue' }] }, /'10\.9\.0\.255' is the address of no host/],
    [{ dns: { servers: ['10.9.0.0'] }, networks: [{ network: 'blue' }] }, /'10\.9\.0\.0' is the address of no host/],
    [{ dns: { servers: ['fe80::1'] } }, /'fe80::1' is good on one link only/],
    [{ dns: { servers: ['fe80::1%eth0'] } }, /'fe80::1%eth0' is good on one link only/],
    [{ dns: { servers: ['192.0.2.53'] }, networks: [{ network: 'inner' }] }, /'192\.0\.2\.53' is out of reach: none of the networks 'inner'/],
    [{ dns: { search: ['a..b'] } }, /'a\.\.b'/],
    [{ dns: { options: ['rotate; x'] } }, /must look like ndots:2/],
    [{ links: ['web:a_b'] }, /host name 'a_b'/],
    [{ links: ['web:localhost'] }, /means something else everywhere/],
    [{ links: ['a:b:c'] }, /must be SANDBOX\[:ALIAS\]/],
    [{ extraHosts: ['db'] }, /must be NAME:ADDRESS/],
    [{ extraHosts: ['db:'] }, /host entry 'db:' must be NAME:ADDRESS/],
    [{ extraHosts: ['db:10.0.0'] }, /host entry 'db:10\.0\.0' must be NAME:ADDRESS/],
    [{ extraHosts: ['10.0.0.5:10.0.0.6'] }, /'10\.0\.0\.5' is taken for an address/],
    [{ exposed: ['80:80'] }, /to publish it use -p/],
    [{ networks: [{ network: 'blue', aliases: ['-x'] }] }, /host name '-x'/],
    [{ networks: [{ network: 'blue', aliases: ['5.5.5.5'] }] }, /'5\.5\.5\.5' is taken for an address/],
    [{ networks: [{ network: 'blue', aliases: ['7'] }] }, /'7' is taken for an address/],
    [{ networks: [{ network: 'blue', aliases: ['0x7f.1'] }] }, /'0x7f\.1' is taken for an address/],
    [{ links: ['web:1.2'] }, /'1\.2' is taken for an address/],
    [{ networks: [{ network: 'blue', links: ['web:a_b'] }] }, /host name 'a_b'/],
  ];
  for (const [request, message] of refused) {
    it(`is refused where it is wrong: ${JSON.stringify(request)}, and leaves nothing`, async () => {
      const before = lab.kernel.ops.length;
      await rejects(lab.controller.createSandbox({ name: 'bad', ...request }), 'INVALID', message);
      assert.deepEqual(lab.controller.sandboxes(), []);
      assert.deepEqual(lab.kernel.ops.slice(before), []);
    });
  }

  it('is refused of a sandbox that keeps its own resolver', async () => {
    lab.kernel.model.addNamespace('/run/netns/own');
    await lab.controller.adoptSandbox({ name: 'own', namespace: '/run/netns/own' });
    await rejects(lab.controller.connect('own', { network: 'blue', links: ['web'] }), 'INVALID', /keeps a resolver of its own, which knows no links: give --link or --dns when it is adopted/);
    assert.deepEqual(lab.controller.sandbox('own').endpoints, []);
  });
});
