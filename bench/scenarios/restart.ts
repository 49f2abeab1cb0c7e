import { setTimeout as delay } from 'node:timers/promises';
import { createNetwork, adoptSandbox, listPorts, removeSandbox } from '../../src/api/calls.ts';
import { PrivateHost } from '../../test/support/host.ts';
import type { Flow } from '../../test/support/place.ts';
import { residentMemory } from '../inside/memory.ts';
import type { BenchOptions } from '../options.ts';
import { Daemon } from '../daemon.ts';
import type { Progress } from '../report/progress.ts';
import { median, quantile } from '../report/statistics.ts';
import type { Cell, Column, Table } from '../report/table.ts';
import type { Scenario } from './scenario.ts';

const COLUMNS: readonly Column[] = [
  { key: 'what', head: 'what' },
  { key: 'few', head: 'no ports', digits: 1 },
  { key: 'many', head: '10 ports each', digits: 1 },
];

const PORTS_EACH = 10;
const FIRST_PORT = 20_000;

/** What a daemon with a thousand endpoints costs: memory, restart, and the way back to nothing. */
export const restart: Scenario = { name: 'restart', run };

async function run(options: BenchOptions, progress: Progress): Promise<readonly Table[]> {
  const count = options.counts.at(-1) ?? 1000;
  const few = await measure(count, 0, progress);
  const many = await measure(count, PORTS_EACH, progress);
  const rows = Object.keys(few).map((what) => ({ what, few: few[what], many: many[what] }));
  const ports = (count * PORTS_EACH).toLocaleString('en');
  return [{ title: `A daemon with ${String(count)} endpoints, without published ports and with ${ports}`, columns: COLUMNS, rows, notes: [] }];
}

async function measure(count: number, portsEach: number, progress: Progress): Promise<Record<string, Cell>> {
  await using stack = new AsyncDisposableStack();
  const host = stack.use(await PrivateHost.start());
  const names = Array.from({ length: count }, (_, number) => `box${String(number)}`);
  await host.exec(['ip', '-batch', '-'], { input: names.map((name) => `netns add ${name}\n`).join(''), timeout: 60_000 });
  let daemon = stack.use(await Daemon.start(host));
  const empty = residentMemory(daemon.pid);
  await daemon.client.send(createNetwork({ name: 'bench', subnets: ['10.90.0.0/16'] }));
  const links = await linkCount(host);
  const filling = performance.now();
  for (const [number, name] of names.entries()) {
    if (number % 50 === 0) progress.say(`restart: endpoint ${String(number)} of ${String(count)}, ${String(portsEach)} ports each`);
    const ports = Array.from({ length: portsEach }, (_, index) => `${String(FIRST_PORT + number * portsEach + index)}:80`);
    await daemon.client.send(adoptSandbox({ name, namespace: `/run/netns/${name}`, networks: [{ network: 'bench' }], ports }));
  }
  const filled = (performance.now() - filling) / count;
  const memory = residentMemory(daemon.pid);

  await using server = await host.netns('box0').serve(80, 'tcp', '', { mode: 'echo' });
  void server;
  const flow = stack.use(await host.netns(`box${String(count - 1)}`).connect('10.90.0.2', 80));
  progress.say('restart: kill -9 and start');
  await daemon.kill9();
  const [next, lost] = await Promise.all([Daemon.start(host), echoesLost(flow)]);
  daemon = stack.use(next);
  const ports = (await daemon.client.send(listPorts())).length;
  if (ports !== count * portsEach) throw new Error(`${String(ports)} ports after the restart instead of ${String(count * portsEach)}`);
  const again = residentMemory(daemon.pid);

  progress.say('restart: removing everything');
  const removed: number[] = [];
  for (const name of names) {
    const started = performance.now();
    await daemon.client.send(removeSandbox(name));
    removed.push(performance.now() - started);
  }
  const over = performance.now();
  while ((await linkCount(host)) > links && performance.now() < over + 30_000) await delay(5);
  const cleaned = performance.now() - over;
  return {
    'memory of the daemon without endpoints, MB': empty,
    'memory with them, MB': memory,
    'memory after kill -9 and start, MB': again,
    'attach on the way there, mean, ms': filled,
    'kill -9 and start, until it answers, ms': daemon.startedIn,
    'echoes lost meanwhile': lost,
    'detach on the way back, p50, ms': median(removed),
    'detach on the way back, p99, ms': quantile(removed, 0.99),
    'last detach until no link is left, ms': cleaned,
  };
}

/** A neighbour's echoes while the daemon is away: the data plane does not need it. */
async function echoesLost(flow: Flow): Promise<number> {
  let lost = 0;
  for (const end = performance.now() + 1500; performance.now() < end; await delay(20)) {
    if ((await flow.send('x')) !== 'x') lost += 1;
  }
  return lost;
}

async function linkCount(host: PrivateHost): Promise<number> {
  return Number(await host.sh('ls /sys/class/net | wc -l'));
}
