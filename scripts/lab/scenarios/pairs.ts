import { timed } from '../check.ts';
import type { Attached } from '../lab-machine.ts';
import type { Scenario } from '../scenario.ts';
import { Stream } from '../stream.ts';
import { until } from '../until.ts';

/** ms of each transfer. */
const TRANSFER = 300;

/** Everybody reaches everybody, with small packets and with those that TCP fills. */
export const pairs: Scenario = {
  name: 'pairs',
  promise: 'ping and TCP between every pair of hosts',
  async run(lab) {
    await lab.network('blue', { subnets: ['10.1.0.0/16', 'fd00:1::/64'] });
    const ends = await Promise.all(lab.machines.map((machine) => machine.attach('blue', `e-${machine.name}`)));
    const routes = ends.flatMap((from) => ends.filter((to) => to !== from).map((to) => [from, to] as const));
    const { time } = await timed(() => Promise.all(routes.map(([from, to]) => ping(from, to))));
    const rates: number[] = [];
    for (const [from, to] of routes) {
      await using stream = await Stream.open(from, to, to.ipv4);
      rates.push(await stream.rate(TRANSFER));
    }
    return { time, found: `${String(routes.length)} ways at once, IPv4 and IPv6; TCP ${Math.min(...rates).toFixed(2)} to ${Math.max(...rates).toFixed(2)} Gbit/s` };
  },
};

async function ping(from: Attached, to: Attached): Promise<void> {
  for (const address of [to.ipv4, to.ipv6]) await until(`${from.name} reaches ${to.name} (${address})`, () => from.machine.pings(from.name, address));
}
