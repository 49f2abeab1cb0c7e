import { setTimeout as wait } from 'node:timers/promises';
import { check, duration } from '../check.ts';
import { compareWithEtcd } from '../compare-with-etcd.ts';
import { Flow } from '../flow.ts';
import type { Attached } from '../lab-machine.ts';
import { everyPair } from '../every-pair.ts';
import type { Scenario } from '../scenario.ts';
import { until } from '../until.ts';

/** No etcd at all for a while: what is known stays true, what is new waits to be told. */
export const etcdGone: Scenario = {
  name: 'etcd-gone',
  promise: 'without any etcd traffic, names and attaching go on; when it is back, everything is known everywhere',
  async run(lab, { etcdGone: away }) {
    const [one, two] = lab.machines;
    await lab.network('blue', { subnets: ['10.1.0.0/16'] });
    const before: Attached[] = [];
    for (const machine of lab.machines) before.push(await machine.attach('blue', `old-${machine.name}`));
    const [a, b] = before as [Attached, Attached];
    await using flow = await Flow.start(a, b.ipv4);
    await Promise.all(lab.machines.map((machine) => machine.killEtcd()));
    const gone = performance.now();
    const young: Attached[] = [];
    for (const machine of lab.machines) young.push(await machine.attach('blue', `new-${machine.name}`));
    const attaching = (performance.now() - gone) / young.length;
    for (const { machine, name } of young) check(await machine.pings(name, b.ipv4), `${name}, attached without etcd, does not reach ${b.name}`);
    const asked = await two.netctl('exec', b.name, 'getent', 'ahostsv4', a.name);
    check(asked.stdout.startsWith(`${a.ipv4} `), `${two.name} does not know ${a.name} while etcd is gone`);
    const refused = await one.netctl('network', 'create', '-d', 'overlay', 'red');
    check(refused.code === 1 && refused.stderr.includes(':2379'), `a network made without etcd should be refused with the cause: ${refused.stderr}`);
    await wait(Math.max(0, away - (performance.now() - gone)));
    await two.killDaemon();
    await two.startDaemon();
    check(await one.pings(a.name, b.ipv4), 'a daemon that was started without etcd has taken traffic down');
    await lab.startEtcd();
    const back = performance.now();
    await everyPair([...before, ...young]);
    const time = performance.now() - back;
    await until('every kernel is as etcd says', async () => (await compareWithEtcd(lab)).differences.length === 0);
    for (const { name, ipv4 } of young) check((await two.netctl('exec', b.name, 'getent', 'ahostsv4', name)).stdout.startsWith(`${ipv4} `), `${two.name} does not know ${name}, which was attached without etcd`);
    const { sent, lost, gap } = await flow.stop();
    check(lost === 0, `${String(lost)} of ${String(sent)} packets were lost`);
    return { time, found: `from etcd’s return until all six endpoints reached each other; attached without it in ${duration(attaching)} each; ${String(sent)} packets, none lost, longest pause ${duration(gap)}` };
  },
};
