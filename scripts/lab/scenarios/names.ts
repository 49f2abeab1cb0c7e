import { check, duration } from '../check.ts';
import type { LabMachine } from '../lab-machine.ts';
import type { Scenario } from '../scenario.ts';
import { until } from '../until.ts';

/** By which it can be asked for besides its own name. */
const NAMES = ['www', 'web.blue'] as const;

/** Whoever is attached anywhere can be asked for by name everywhere. */
export const names: Scenario = {
  name: 'names',
  promise: 'a name resolves on every host when its endpoint is up, and on none when it is gone',
  async run(lab) {
    await lab.network('blue', { subnets: ['10.1.0.0/16'] });
    for (const machine of lab.machines) await machine.attach('blue', `asks-${machine.name}`);
    const [one, ...others] = lab.machines;
    const web = await one.attach('blue', 'web', { hostname: 'www' });
    const up = performance.now();
    await Promise.all(others.map((machine) => until(`${machine.name} knows web`, async () => (await resolve(machine, 'web')).startsWith(`${web.ipv4} `))));
    const time = performance.now() - up;
    for (const machine of others) for (const name of NAMES) check((await resolve(machine, name)).startsWith(`${web.ipv4} `), `${machine.name} does not know ${name}`);
    await one.remove('web');
    const gone = performance.now();
    await Promise.all(others.map((machine) => until(`${machine.name} has forgotten web`, async () => (await resolve(machine, 'web')) === '')));
    const forgotten = performance.now() - gone;
    for (const machine of others) for (const name of NAMES) check((await resolve(machine, name)) === '', `${machine.name} still knows ${name}`);
    return { time, found: `until both other hosts had resolved it, with what netctl exec takes to start; forgotten in ${duration(forgotten)}` };
  },
};

/** What a sandbox of a machine gets to hear, as any program in it would. */
async function resolve(machine: LabMachine, host: string): Promise<string> {
  return (await machine.netctl('exec', `asks-${machine.name}`, 'getent', 'ahostsv4', host)).stdout;
}
