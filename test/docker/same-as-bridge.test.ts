import assert from 'node:assert/strict';
import { DockerLab } from '../support/docker-lab.ts';
import { butForKnown } from './cases/case.ts';
import { CASES } from './cases/index.ts';
import { ISOLATION } from './cases/isolation.ts';
import { PUBLISH } from './cases/publish.ts';

describe('networks of tsbridge and of the built-in bridge', () => {
  let lab: DockerLab;

  before(async () => {
    lab = await DockerLab.start();
  });

  after(() => lab[Symbol.asyncDispose]());

  for (const one of CASES) {
    for (const driver of ['tsbridge', 'bridge'] as const) {
      it(`${one.title} (-d ${driver})`, async () => {
        // The built-in bridge leaves sysctls and addresses of the engine's behind: clean is what is there now.
        await lab.settle();
        const observed = await one.observe(lab, driver);
        assert.deepEqual(driver === 'bridge' ? butForKnown(observed, one) : observed, one.expected);
        await lab.clear();
        if (driver === 'tsbridge') assert.deepEqual(await lab.left(), []);
      });
    }
  }

  afterEach(() => lab.clear());
});

describe('networks of tsbridge where iptables is the packet filter', () => {
  let lab: DockerLab;

  before(async () => {
    lab = await DockerLab.start({}, ['--firewall', 'iptables']);
  });

  after(() => lab[Symbol.asyncDispose]());

  afterEach(() => lab.clear());

  for (const { title, observe, expected } of [...PUBLISH, ...ISOLATION]) {
    it(title, async () => assert.deepEqual(await observe(lab, 'tsbridge'), expected));
  }
});
