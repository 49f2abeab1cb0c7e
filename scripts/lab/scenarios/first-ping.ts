import { quantile } from '../../../bench/report/statistics.ts';
import { check, duration, spread } from '../check.ts';
import type { Scenario } from '../scenario.ts';
import { until } from '../until.ts';

/** ms, at the 99th percentile: what a machine with nothing else to do has to keep, and what a busy one may take. */
const AIM = 100;
const LIMIT = 1000;

/** How long after an endpoint is up somebody on another host can speak with it. */
export const firstPing: Scenario = {
  name: 'first-ping',
  promise: 'an endpoint that is up is reached from another host at once (aim: 99 of 100 within 100 ms)',
  async run(lab, { rounds }) {
    const [one, two] = lab.machines;
    await lab.network('blue', { subnets: ['10.1.0.0/16'] });
    await two.attach('blue', 'asks');
    const reached: number[] = [];
    const made: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const name = `up${String(round)}`;
      const asked = performance.now();
      const { ipv4 } = await one.attach('blue', name);
      const up = performance.now();
      await until(`${name} is reached`, () => two.pings('asks', ipv4));
      const first = performance.now();
      // What starting ping there takes by itself.
      check(await two.pings('asks', ipv4), `${name} is reached once, and not again`);
      reached.push(first - up);
      made.push(up - asked);
      bare.push(performance.now() - first);
    }
    const time = quantile(reached, 0.99);
    check(time < LIMIT, `first ping after ${spread(reached)}`);
    return { time, found: `${time < AIM ? 'p99' : `p99, missing the aim of ${duration(AIM)}`}; first ping of ${String(rounds)} after its endpoint was up: ${spread(reached)}, of which starting ping took ${spread(bare)}; making the endpoint: ${spread(made)}` };
  },
};
