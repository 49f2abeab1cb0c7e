import { check, duration, timed } from '../check.ts';
import { Flow } from '../flow.ts';
import type { Scenario } from '../scenario.ts';
import { until } from '../until.ts';

/** A sandbox goes from one host to another with its addresses, while somebody talks to it. */
export const moved: Scenario = {
  name: 'moved',
  promise: 'an endpoint that moves to another host is followed there',
  async run(lab) {
    const [one, two, three] = lab.machines;
    await lab.network('blue', { subnets: ['10.1.0.0/16'] });
    const a = await one.attach('blue', 'a');
    const b = await two.attach('blue', 'b');
    await using flow = await Flow.start(a, b.ipv4);
    const times: number[] = [];
    for (const [from, to] of [[two, three], [three, two], [two, three], [three, two]] as const) {
      const { time, value: again } = await timed(async () => {
        await from.remove('b');
        return to.attach('blue', 'b', { ipv4: b.ipv4 });
      });
      times.push(time);
      check(again.mac === b.mac, `its MAC address has changed from ${b.mac} to ${again.mac}`);
      await until('it is reached where it is now', () => one.pings('a', b.ipv4));
    }
    const { sent, lost, gap } = await flow.stop();
    check(gap < 2000, `nothing was answered for ${duration(gap)}`);
    return { time: gap, found: `between the last answer from there and the first from here, at worst of four moves; removing and attaching took ${duration(Math.max(...times))} at worst; ${String(lost)} of ${String(sent)} packets lost` };
  },
};
