import { check, duration, timed } from '../check.ts';
import { Flow } from '../flow.ts';
import type { Scenario } from '../scenario.ts';
import { until } from '../until.ts';

/** The etcd that leads dies, and then each of the others: packets go on, and so do the hosts as soon as the other two have agreed. */
export const etcdLeaderKilled: Scenario = {
  name: 'etcd-leader-killed',
  promise: 'the death of the etcd that leads is not noticed by packets, and soon over for everybody else',
  async run(lab) {
    const [one, two, three] = lab.machines;
    await lab.network('blue', { subnets: ['10.1.0.0/16'] });
    const a = await one.attach('blue', 'a');
    const b = await two.attach('blue', 'b');
    await using flow = await Flow.start(a, b.ipv4);
    const leader = await lab.etcdLeader();
    await leader.killEtcd();
    // What needs the store: this host has no address of the network yet.
    const { time, value: c } = await timed(() => until('an address is borrowed', () => three.attach('blue', 'c')));
    const reached = await timed(() => until('a reaches c', () => one.pings('a', c.ipv4)));
    // Each daemon speaks with one etcd, and that one may not have been the leader: the others die too, one at a time.
    for (const machine of lab.machines.filter((other) => other !== leader)) {
      await lab.startEtcd();
      await machine.killEtcd();
      await lab.network(`without-${machine.name}`);
    }
    const { sent, lost, gap } = await flow.stop();
    check(lost === 0, `${String(lost)} of ${String(sent)} packets were lost`);
    return { time, found: `until a host without addresses had borrowed some; ${duration(reached.time)} more until others reached it; ${String(sent)} packets, none lost, longest pause ${duration(gap)}` };
  },
};
