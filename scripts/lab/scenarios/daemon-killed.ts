import { check, duration, timed } from '../check.ts';
import { Flow } from '../flow.ts';
import type { Scenario } from '../scenario.ts';

/** ms: when a host has said nothing for so long, others are about to withdraw what it has. */
const LEASE = 10_000;

/** The daemons of both ends die and come back: packets need none. */
export const daemonKilled: Scenario = {
  name: 'daemon-killed',
  promise: 'no packet is lost when daemons are killed and started again, sooner than a lease is over',
  async run(lab) {
    const [one, two] = lab.machines;
    await lab.network('blue', { subnets: ['10.1.0.0/16'] });
    const a = await one.attach('blue', 'a');
    const b = await two.attach('blue', 'b');
    await using there = await Flow.start(a, b.ipv4);
    await using back = await Flow.start(b, a.ipv4);
    const away: number[] = [];
    const { time } = await timed(async () => {
      for (const machine of [one, two]) {
        const killed = performance.now();
        await machine.killDaemon();
        await machine.startDaemon();
        away.push(performance.now() - killed);
      }
      await lab.settled();
    });
    const results = await Promise.all([there.stop(), back.stop()]);
    const [sent, lost] = [results.reduce((sum, one_) => sum + one_.sent, 0), results.reduce((sum, one_) => sum + one_.lost, 0)];
    const longest = Math.max(...away);
    check(lost === 0, `${String(lost)} of ${String(sent)} packets were lost; a daemon was away for ${duration(longest)}${longest > LEASE ? ', longer than its lease, because this machine is too busy: others withdraw what such a host had' : ''}`);
    return { time, found: `two daemons, one after the other, the slower one away for ${duration(longest)}; ${String(sent)} packets sent, none lost, longest pause ${duration(Math.max(...results.map(({ gap }) => gap)))}` };
  },
};
