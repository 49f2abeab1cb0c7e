import { setTimeout as delay } from 'node:timers/promises';
import { CASES, type FirewallCase, type Surroundings } from './firewall-cases.ts';
import { addressOf, type FirewallLab } from './firewall-lab.ts';

/** Milliseconds after which silence is the answer; where an answer is due, a slow machine may take its time. */
const SILENCE = 350;
const PATIENCE = 20_000;

/**
 * Tries every case at once.
 * @returns a sentence for each that went otherwise than it should
 */
export async function runCases(lab: FirewallLab, surroundings: Surroundings): Promise<string[]> {
  const cases = CASES.filter(({ when }) => when?.(surroundings) !== false);
  const tries = cases.flatMap((one) => (one.family === undefined ? ([4, 6] as const) : [one.family]).map((family) => tryOne(lab, one, family)));
  return (await Promise.all(tries)).filter((sentence) => sentence !== undefined);
}

async function tryOne(lab: FirewallLab, one: FirewallCase, family: 4 | 6): Promise<string | undefined> {
  const { from, to, protocol = 'tcp', gets, why } = one;
  const result = await outcome(lab, one, family);
  const [who = '', seen] = gets.split(/ sees | hears /);
  const wanted = seen === undefined || seen === 'nothing' ? (seen ?? who) : `${who} ${gets.includes(' sees ') ? 'saw' : 'heard'} ${addressOf(seen, family)}`;
  const well = seen === undefined ? result.split(' ')[0] === wanted : result === wanted;
  return well ? undefined : `${why}: ${from} to ${to} ${protocol} IPv${String(family)} got '${result}', not '${wanted}'`;
}

async function outcome(lab: FirewallLab, { from, to, protocol = 'tcp', as, asPort, gets }: FirewallCase, family: 4 | 6): Promise<string> {
  const [node = '', port = ''] = to.split(':');
  const address = addressOf(node, family);
  const timeout = gets === 'nothing' || gets.includes(' hears ') ? SILENCE : PATIENCE;
  if (protocol === 'ping') return (await lab.ping(from, address, timeout)) ? node : 'nothing';
  const source = as?.[family === 4 ? 0 : 1];
  const say = `${from} ${to} ${String(performance.now())}`;
  const answer = await lab.ask(from, { do: 'connect', protocol, address, port: Number(port), timeout, say, ...(source === undefined ? {} : { from: source }), ...(asPort === undefined ? {} : { fromPort: asPort }) });
  if (!gets.includes(' hears ')) return answer;
  const [hearer = ''] = gets.split(' ');
  const heard = await hears(lab, hearer, say, gets.endsWith(' nothing') ? 0 : PATIENCE);
  return heard === undefined ? 'nothing' : `${hearer} heard ${heard}`;
}

/** From whom a node heard something; undefined when it did not within the time, in ms. */
async function hears(lab: FirewallLab, node: string, said: string, timeout: number): Promise<string | undefined> {
  const end = performance.now() + timeout;
  for (;;) {
    const heard = (await lab.ask(node, { do: 'heard' })).split('\n').find((line) => line.startsWith(said));
    if (heard !== undefined) return heard.slice(heard.lastIndexOf(' ') + 1);
    if (performance.now() >= end) return undefined;
    await delay(50);
  }
}
