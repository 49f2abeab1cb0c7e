import assert from 'node:assert/strict';
import { ClusterLab } from '../support/cluster-lab.ts';

describe("an option of Docker's that a driver does not know", () => {
  it('is warned of once, when the network is made', async () => {
    await using lab = await new ClusterLab().open(1);
    const { controller, warnings } = lab.host(1);
    for (const driver of ['bridge', 'overlay']) {
      warnings.length = 0;
      await controller.createNetwork({ name: driver, driver, options: { 'com.docker.network.something.else': '1' } });
      assert.deepEqual(warnings, [`option 'com.docker.network.something.else' is not one of the ${driver} driver; ignored`]);
    }
  });
});
