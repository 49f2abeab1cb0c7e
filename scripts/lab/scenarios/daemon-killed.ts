import { check, duration, timed } from '../check.ts';
import { Flow } from '../flow.ts';
import type { Scenario } from '../scenario.ts';

/** The daemons of both ends die and come back: packets need none. */
export const daemonKilled: Scenario = {
  name: 'daemon-killed',
  promise: 'no packet is lost when daemons are killed and started again',
  async run(lab) {
    const [one, two] = lab.machines;
    await lab.network('blue', { subnets: ['10.1.0.0/16'] });
    const a = await one.attach('blue', 'a');
    const b = await two.attach('blue', 'b');
    const flows = [await Flow.start(a, b.ipv4), await Flow.start(b, a.ipv4)];
    const { time } = await timed(async () => {
      for (const machine of [one, two]) {
        await machine.killDaemon();
        await machine.startDaemon();
      }
      await lab.settled();
    });
    const results = await Promise.all(flows.map((flow) => flow.stop()));
    const [sent, lost] = [results.reduce((sum, one_) => sum + one_.sent, 0), results.reduce((sum, one_) => sum + one_.lost, 0)];
    check(lost === 0, `${String(lost)} of ${String(sent)} packets were lost`);
    return { time, found: `two daemons, one after the other; ${String(sent)} packets sent, none lost, longest pause ${duration(Math.max(...results.map(({ gap }) => gap)))}` };
  },
};
