import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { namespaces } from '../../scripts/lab/grounds/namespaces.ts';
import { Lab } from '../../scripts/lab/lab.ts';
import { runScenario } from '../../scripts/lab/run-scenarios.ts';
import { EXTENTS } from '../../scripts/lab/scenario.ts';
import { SCENARIOS } from '../../scripts/lab/scenarios/all-scenarios.ts';
import { needEtcd } from '../support/etcd.ts';
import { skip } from '../support/skip.ts';

/** Those that wait for leases and time-outs to end, measure what a busy machine makes worthless, or are tested beside this: `npm run lab` has them. */
const ELSEWHERE: ReadonlySet<string> = new Set(['names', 'etcd-leader-killed', 'host-lost', 'partition', 'small-underlay', 'random', 'throughput']);

describe('the lab: networks over three machines', function () {
  let lab: Lab;

  before(async function () {
    needEtcd(this);
    lab = await Lab.start(await namespaces());
  });

  after(() => lab?.[Symbol.asyncDispose]());

  for (const scenario of SCENARIOS.filter(({ name }) => !ELSEWHERE.has(name))) {
    it(`${scenario.name}: ${scenario.promise}`, async function () {
      const seed = randomInt(1e9);
      const result = await runScenario(lab, scenario, { ...EXTENTS.short, seed });
      if (result.skipped !== undefined) skip(this, result.skipped);
      assert.equal(result.ok, true, `${result.error ?? ''} (seed ${String(seed)})`);
    });
  }
});
