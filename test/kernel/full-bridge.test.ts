import assert from 'node:assert/strict';
import { openHost } from '../../src/controller/open-host.ts';
import { HOST, type Op } from '../../src/kernel/op.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { rejects } from '../support/refusal.ts';

/** Ports that a bridge of Linux can have (net/bridge/br_private.h, BR_MAX_PORTS less the one that stands for none). */
const MOST_PORTS = 1023;

inPrivateNamespace(import.meta.filename, () => {
  describe('a bridge with as many ports as the kernel allows', () => {
    it('has room again for whoever comes after one who left', async () => {
      await using host = await openHost({ stateFolder: '/run/full-bridge' });
      const { controller, kernel } = host;
      await controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/16'], options: { 'com.docker.network.bridge.name': 'br-blue' } });
      for (const name of ['one', 'two']) await controller.createSandbox({ name });
      const fill = Array.from({ length: MOST_PORTS - 1 }, (_, at): Op => ({ op: 'link-add', namespace: HOST, name: `p${at}`, master: 'br-blue', group: 7, kind: { type: 'veth', peer: { namespace: HOST, name: `q${at}` } } }));
      await kernel.apply(fill);
      await controller.connect('one', { network: 'blue' });
      await rejects(controller.connect('two', { network: 'blue' }), 'KERNEL', /EXFULL the bridge has all 1023 ports that the kernel allows/);
      await controller.disconnect('one', 'blue');
      // The link of 'one' waits for its deletion still.
      await controller.connect('two', { network: 'blue' });
      assert.equal((await controller.sandbox('two')).endpoints.length, 1);
      await kernel.apply([{ op: 'link-group-delete', namespace: HOST, group: 7 }]);
    });
  });
});
