import assert from 'node:assert/strict';
import { DockerLab } from '../support/docker-lab.ts';
import { CASES } from './cases/index.ts';

describe('networks of tsbridge and of the built-in bridge', () => {
  let lab: DockerLab;

  before(async () => {
    lab = await DockerLab.start();
  });

  after(() => lab[Symbol.asyncDispose]());

  for (const { title, observe, expected } of CASES) {
    for (const driver of ['tsbridge', 'bridge'] as const) {
      it(`${title} (-d ${driver})`, async () => {
        // The built-in bridge leaves sysctls and addresses of the engine's behind: clean is what is there now.
        await lab.settle();
        assert.deepEqual(await observe(lab, driver), typeof expected === 'function' ? (expected(driver) as unknown) : expected);
        await lab.clear();
        if (driver === 'tsbridge') assert.deepEqual(await lab.left(), []);
      });
    }
  }

  afterEach(() => lab.clear());
});
