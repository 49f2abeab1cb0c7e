import { fileURLToPath } from 'node:url';
import { PrivateHost } from '../../test/support/host.ts';
import type { Place } from '../../test/support/place.ts';
import { dnsperf } from '../dnsperf.ts';
import { NAME_SERVERS } from '../name-servers/all-name-servers.ts';
import { NAMES, type Door, type NameServerKind, type RunningServer } from '../name-servers/name-server.ts';
import type { BenchOptions } from '../options.ts';
import { processorTime } from '../processor-time.ts';
import type { Progress } from '../report/progress.ts';
import { median } from '../report/statistics.ts';
import type { Cell, Column, Table } from '../report/table.ts';
import { firstLine } from './first-line.ts';
import type { Scenario } from './scenario.ts';

const ASK = fileURLToPath(new URL('../inside/ask-one-by-one.ts', import.meta.url));
const FLOOD = fileURLToPath(new URL('../inside/flood.ts', import.meta.url));
const CROWD = fileURLToPath(new URL('../inside/name-server.ts', import.meta.url));
const QUESTIONS = '/run/questions';

/** How often each server has its turn. */
const ROUNDS = 5;

const THROUGHPUT: readonly Column[] = [
  { key: 'name', head: 'server' },
  { key: 'title', head: 'what' },
  { key: 'perSecond', head: 'queries/s', digits: 0 },
  { key: 'cpu', head: 'CPU a query, us', digits: 2 },
  { key: 'user', head: 'user', digits: 2 },
  { key: 'system', head: 'system', digits: 2 },
  { key: 'ratio', head: 'x ours', digits: 2 },
  { key: 'lost', head: 'lost' },
  { key: 'p50', head: 'one by one p50, us', digits: 0 },
  { key: 'p99', head: 'p99', digits: 0 },
  { key: 'note', head: 'not run' },
];

const NEIGHBOUR: readonly Column[] = [
  { key: 'name', head: 'server' },
  { key: 'flood', head: 'meanwhile a neighbour' },
  { key: 'answered', head: 'answered' },
  { key: 'lost', head: 'not within 1 s' },
  { key: 'p50', head: 'p50, us', digits: 0 },
  { key: 'p99', head: 'p99', digits: 0 },
];

const MEMORY: readonly Column[] = [
  { key: 'count', head: 'sandboxes' },
  { key: 'p50', head: 'set-up p50, ms', digits: 3 },
  { key: 'p99', head: 'p99', digits: 3 },
  { key: 'process', head: 'memory of the process, KB each', digits: 1 },
  { key: 'kernel', head: 'of the kernel', digits: 1 },
];

const FLOODS = { nothing: 'does nothing', known: 'asks for known names', unknown: 'asks for names outside', mutated: 'sends broken packets' } as const;

/** Names: how many questions a server answers, what one costs it, and what a sandbox notices of a hostile neighbour. */
export const dns: Scenario = { name: 'dns', run };

interface Started {
  readonly kind: NameServerKind;
  readonly server: RunningServer;
}

async function run(options: BenchOptions, progress: Progress): Promise<readonly Table[]> {
  const kinds = NAME_SERVERS.filter(({ name }) => options.peers?.includes(name) ?? true);
  if (kinds.length === 0) return [];
  await using stack = new AsyncDisposableStack();
  const failed = new Map<string, string>();
  const started: Started[] = [];
  for (const kind of kinds) {
    progress.say(`dns: starting ${kind.name}`);
    try {
      started.push({ kind, server: stack.use(await start(kind)) });
    } catch (error) {
      failed.set(kind.name, firstLine(error));
    }
  }
  const throughput = await throughputOf(started, failed, options, progress);
  const neighbours: Record<string, Cell>[] = [];
  for (const { kind, server } of started) neighbours.push(...(await besideFloods(kind.name, server, options, progress)));
  return [
    throughput,
    { title: 'One sandbox asks, one question at a time, while another floods the same server', columns: NEIGHBOUR, rows: neighbours, notes: ['The flood takes one of the processors for itself.'] },
    await crowd(options, progress),
  ];
}

async function start(kind: NameServerKind): Promise<RunningServer> {
  await using stack = new AsyncDisposableStack();
  const host = stack.use(await PrivateHost.start());
  if ((await host.exec(['test', '-x', kind.program], { allowFail: true })).code !== 0) throw new Error(`${kind.program} is missing (Debian: ${kind.packages.join(' ')})`);
  await host.sh(`cat >${QUESTIONS}`, { input: NAMES.map((name) => `${name} A\n`).join('') });
  const server = stack.use(await kind.start(host));
  const owned = stack.move();
  return { ...server, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function throughputOf(started: readonly Started[], failed: ReadonlyMap<string, string>, { quick }: BenchOptions, progress: Progress): Promise<Table> {
  const found = new Map<string, Record<'perSecond' | 'user' | 'system' | 'lost', number>[]>();
  for (let round = 0; round < (quick ? 1 : ROUNDS); round += 1) {
    for (const { kind, server } of started) {
      progress.say(`dns: ${kind.name}, round ${String(round + 1)}`);
      if (round === 0) await dnsperf(server, QUESTIONS, quick ? 0.2 : 1);
      const before = processorTime(server.pid);
      const { completed, perSecond, lost } = await dnsperf(server, QUESTIONS, quick ? 0.5 : 2);
      const after = processorTime(server.pid);
      const each = (time: number): number => (time * 1e6) / completed;
      found.set(kind.name, [...(found.get(kind.name) ?? []), { perSecond, lost, user: each(after.user - before.user), system: each(after.system - before.system) }]);
    }
  }
  const rows: Record<string, Cell>[] = [];
  for (const { kind, server } of started) {
    const rounds = found.get(kind.name) ?? [];
    const middle = (key: 'perSecond' | 'user' | 'system'): number => median(rounds.map((round) => round[key]));
    const { p50, p99 } = await oneByOne(server, quick ? 200 : 1000);
    const lost = rounds.reduce((sum, round) => sum + round.lost, 0);
    rows.push({ name: kind.name, title: kind.title, perSecond: middle('perSecond'), cpu: median(rounds.map(({ user, system }) => user + system)), user: middle('user'), system: middle('system'), lost, p50, p99 });
  }
  const ours = rows[0]?.['cpu'];
  for (const row of rows) if (typeof ours === 'number') row['ratio'] = Number(row['cpu']) / ours;
  for (const [name, note] of failed) rows.push({ name, note });
  const notes = ['dnsperf with 8 clients and 100 questions on the way, 500 names, in turns; medians. CPU is that of the server: its process, all threads.'];
  return { title: 'Answers to questions about local names, UDP', columns: THROUGHPUT, rows, notes };
}

interface OneByOne {
  readonly answered: number;
  readonly lost: number;
  readonly p50: number;
  readonly p99: number;
}

async function oneByOne({ from, address, port }: Door, ms: number): Promise<OneByOne> {
  return JSON.parse(await node(from, ASK, [address, String(port), String(ms), ...NAMES.slice(0, 50)])) as OneByOne;
}

async function besideFloods(name: string, server: RunningServer, { quick }: BenchOptions, progress: Progress): Promise<Record<string, Cell>[]> {
  const { neighbour } = server;
  if (neighbour === undefined) return [];
  const rows: Record<string, Cell>[] = [];
  const ms = quick ? 300 : 2000;
  for (const [kind, words] of Object.entries(FLOODS)) {
    progress.say(`dns: ${name}, while a neighbour ${words}`);
    const flood = kind === 'nothing' ? undefined : node(neighbour.from, FLOOD, [neighbour.address, String(neighbour.port), String(ms + 1500), kind]);
    rows.push({ name, flood: words, ...(await oneByOne(server, ms)) });
    await flood;
  }
  return rows;
}

/** What serving one more sandbox costs. */
async function crowd({ quick }: BenchOptions, progress: Progress): Promise<Table> {
  const count = quick ? 50 : 500;
  progress.say(`dns: ${String(count)} sandboxes`);
  await using host = await PrivateHost.start();
  const names = Array.from({ length: count }, (_, index) => `crowd${String(index)}`);
  await host.exec(['ip', '-batch', '-'], { input: names.map((name) => `netns add ${name}\n`).join(''), timeout: 60_000 });
  await host.sh(`for name in ${names.join(' ')}; do ip -n $name link set lo up; done`, { timeout: 60_000 });
  const cost = JSON.parse(await node(host, CROWD, ['crowd', ...names])) as Record<string, number>;
  return { title: 'Serving one more sandbox: two sockets, an asker, no redirect', columns: MEMORY, rows: [{ count, ...cost }], notes: ['The kernel’s is the growth of all its small objects: it means something on a quiet machine.'] };
}

async function node(place: Place, file: string, args: readonly string[]): Promise<string> {
  const { stdout } = await place.exec([process.execPath, '--disable-warning=ExperimentalWarning', file, ...args], { timeout: 60_000 });
  return stdout.trim();
}
