import { check, duration, timed } from '../check.ts';
import { allDiffer } from '../every-pair.ts';
import { compareWithEtcd } from '../compare-with-etcd.ts';
import type { Scenario } from '../scenario.ts';
import { until } from '../until.ts';

/** A hundred endpoints, on all hosts at the same time. */
export const manyAtOnce: Scenario = {
  name: 'many-at-once',
  promise: 'endpoints that are made at once on three hosts have addresses of their own, and all reach each other',
  async run(lab, { endpoints: count }) {
    await lab.network('blue', { subnets: ['10.1.0.0/16', 'fd00:1::/64'] });
    const made = await timed(() => Promise.all(Array.from({ length: count }, (_, index) => lab.machines[index % 3 as 0 | 1 | 2].attach('blue', `m${String(index)}`))));
    allDiffer(made.value);
    const known = await timed(() => until('every kernel has what etcd says', async () => (await compareWithEtcd(lab)).differences.length === 0, 60_000));
    const [first] = made.value;
    for (const end of made.value.slice(-6)) check(await first?.machine.pings(first.name, end.ipv4) === true, `${end.name} on ${end.machine.name} is not reached`);
    return { time: made.time, found: `${String(count)} endpoints, ${duration(made.time / count)} each; every kernel knew all of them ${duration(known.time)} later at the latest` };
  },
};
