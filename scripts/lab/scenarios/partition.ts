import { setTimeout as wait } from 'node:timers/promises';
import { check, duration, timed } from '../check.ts';
import { allDiffer, everyPair } from '../every-pair.ts';
import type { Lab } from '../lab.ts';
import type { Attached, LabMachine } from '../lab-machine.ts';
import type { Scenario } from '../scenario.ts';

/** One host is cut off with its etcd: both sides go on with what is theirs, and nothing is given twice. */
export const partition: Scenario = {
  name: 'partition',
  promise: 'a host that is cut off goes on with its own addresses; no address is given twice; healed, all reach all',
  async run(lab, { partition: length }) {
    const [one, two, three] = lab.machines;
    await lab.network('blue', { subnets: ['10.1.0.0/16', 'fd00:1::/64'] });
    const ends: Attached[] = [];
    for (const machine of lab.machines) ends.push(await machine.attach('blue', `old-${machine.name}`));
    const [a, , c] = ends as [Attached, Attached, Attached];
    await three.ground.cut();
    try {
      const cut = performance.now();
      for (const machine of lab.machines) ends.push(await machine.attach('blue', `new-${machine.name}`));
      // Either side asks for an address that is the other one's to give.
      await Promise.all([refused(one, inBlockOf(c.ipv4)), refused(three, inBlockOf(a.ipv4))]);
      check(!(await three.pings(c.name, a.ipv4)), 'the host was not cut off');
      check(await one.pings(a.name, ends[1]?.ipv4 ?? ''), `${two.name} cannot be reached from ${one.name}, which nobody has cut`);
      // The host cannot be told what it has missed: it has to read everything, and compare.
      await forgetThePast(lab);
      await wait(Math.max(0, length - (performance.now() - cut)));
      ends.push(await one.attach('blue', 'late-h1'), await three.attach('blue', 'late-h3'));
    } finally {
      await three.ground.heal();
    }
    const { time } = await timed(() => everyPair(ends, 60_000));
    allDiffer(ends);
    const settling = await timed(() => lab.settled());
    return { time, found: `from the healing until ${String(ends.length)} endpoints reached each other, five of them attached meanwhile; ${duration(settling.time)} more until every host saw all three` };
  },
};

/** The etcd of the hosts that are not cut off keeps what is true now, and nothing of how it came to be so. */
async function forgetThePast({ machines: [one] }: Lab): Promise<void> {
  const [first] = JSON.parse(await one.etcdctl('endpoint', 'status', '-w', 'json')) as { Status: { header: { revision: number } } }[];
  await one.etcdctl('compact', String(first?.Status.header.revision));
}

/** Another address of the block from which this one is: blocks are at least four bits long, and these six. */
function inBlockOf(address: string): string {
  const octets = address.split('.').map(Number);
  return [...octets.slice(0, 3), (octets[3] ?? 0) ^ 32].join('.');
}

async function refused(machine: LabMachine, address: string): Promise<void> {
  const attached = await machine.attach('blue', 'thief', { ipv4: address }).catch(() => undefined);
  check(attached === undefined, `${machine.name} took ${address}, which is another host’s to give, without asking it`);
}
