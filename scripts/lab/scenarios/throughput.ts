import { median, quantile } from '../../../bench/report/statistics.ts';
import { check, timed } from '../check.ts';
import { handMade } from '../hand-made.ts';
import type { Scenario } from '../scenario.ts';
import { Stream } from '../stream.ts';

/** ms of each measurement. */
const MEASURE = 400;
/** %: what it is to be, and what noise of a busy machine cannot explain. */
const AIM = 2;
const LIMIT = 25;

/** Our links beside the same ones made by hand, between the same hosts: A B, B A, A B … */
export const throughput: Scenario = {
  name: 'throughput',
  promise: 'TCP is as fast as over a VXLAN made by hand between the same hosts (aim: within 2 %)',
  async run(lab, { pairs }) {
    const [one, two] = lab.machines;
    await lab.network('blue', { subnets: ['10.1.0.0/16'] });
    const a = await one.attach('blue', 'a');
    const b = await two.attach('blue', 'b');
    await using hand = await handMade(one, two);
    await using ours = await Stream.open(a, b, b.ipv4);
    await using theirs = await Stream.open(hand.from, hand.to, hand.to.ipv4);
    // Once each for nothing: neighbours, code, caches.
    await ours.rate(MEASURE);
    await theirs.rate(MEASURE);
    const { time, value: rates } = await timed(async () => {
      const found: { readonly ours: number; readonly hand: number }[] = [];
      for (let pair = 0; pair < pairs; pair += 1) {
        const first = await (pair % 2 === 0 ? ours : theirs).rate(MEASURE);
        const second = await (pair % 2 === 0 ? theirs : ours).rate(MEASURE);
        found.push(pair % 2 === 0 ? { ours: first, hand: second } : { ours: second, hand: first });
      }
      return found;
    });
    const slower = rates.map((rate) => (rate.hand / rate.ours - 1) * 100);
    const middle = median(slower);
    const figures = `ours slower by ${middle.toFixed(1)} % (half of the pairs ${quantile(slower, 0.25).toFixed(1)} to ${quantile(slower, 0.75).toFixed(1)} %), ours ${median(rates.map((rate) => rate.ours)).toFixed(2)} and by hand ${median(rates.map((rate) => rate.hand)).toFixed(2)} Gbit/s`;
    check(middle < LIMIT, figures);
    return { time, found: `${middle < AIM ? 'within the aim' : `missing the aim of ${String(AIM)} %`}: ${figures}, medians of ${String(pairs)} pairs` };
  },
};
