import { check, duration } from '../check.ts';
import type { LabMachine } from '../lab-machine.ts';
import type { Scenario } from '../scenario.ts';
import { until } from '../until.ts';

/** ms: less than a lease, which may have been renewed long ago, and more than a lease with the grace and time for all to hear. */
const SOONEST = 5_000;
const LATEST = 25_000;

/** A host loses power: the others withdraw what it had, not at once and not never; it comes back with all of it. */
export const hostLost: Scenario = {
  name: 'host-lost',
  promise: 'what a dead host had is withdrawn after its lease, and back when the host is',
  lacks({ machines }) {
    return Promise.resolve(machines.every(({ ground }) => ground.hasDisk !== false) ? undefined : 'disks that outlive a power cut');
  },
  async run(lab) {
    const [one, two, three] = lab.machines;
    await lab.network('blue', { subnets: ['10.1.0.0/16'] });
    const a = await one.attach('blue', 'a');
    const c = await three.attach('blue', 'c');
    await until('a reaches c', () => one.pings('a', c.ipv4));
    const begun = performance.now();
    await three.powerOff();
    await Promise.all([one, two].map((machine) => until(`${machine.name} has withdrawn what ${three.name} had`, async () => (await towards(machine, three)) === 0, LATEST)));
    const time = performance.now() - begun;
    check(time > SOONEST, `withdrawn after ${duration(time)}: a host that is away for a moment is cut off`);
    check((await one.netctl('exec', 'a', 'getent', 'ahostsv4', 'c')).stdout === '', `${one.name} knows the name c, which is lost`);
    await three.powerOn();
    const on = performance.now();
    await until('a reaches c again', () => one.pings('a', c.ipv4));
    const again = performance.now() - on;
    check((await three.api({ method: 'GET', path: '/sandboxes/c' })) !== undefined, 'c is gone');
    await until('c reaches a', () => three.pings('c', a.ipv4));
    await until(`${one.name} knows the name c again`, async () => (await one.netctl('exec', 'a', 'getent', 'ahostsv4', 'c')).stdout.startsWith(`${c.ipv4} `));
    return { time, found: `from the power cut until both others had withdrawn it; reached again ${duration(again)} after its daemon served` };
  },
};

/** How many forwarding entries lead to a machine. */
async function towards(machine: LabMachine, other: LabMachine): Promise<number> {
  const { stdout } = await machine.exec(['bridge', 'fdb', 'show']);
  return stdout.split('\n').filter((line) => line.includes(`dst ${other.address} `)).length;
}
