import { createInterface } from 'node:readline';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { PrivateHost } from '../../test/support/host.ts';
import type { Place } from '../../test/support/place.ts';
import type { BenchOptions } from '../options.ts';
import type { Progress } from '../report/progress.ts';
import { median, quantile } from '../report/statistics.ts';
import type { Cell, Column, Table } from '../report/table.ts';
import { handMade, ours, SANDBOXES } from './two-sandboxes.ts';
import type { Scenario } from './scenario.ts';

const COLUMNS: readonly Column[] = [
  { key: 'path', head: 'path' },
  { key: 'what', head: 'what' },
  { key: 'pairs', head: 'pairs' },
  { key: 'ours', head: 'ours', digits: 2 },
  { key: 'hand', head: 'by hand', digits: 2 },
  { key: 'difference', head: 'ours slower by, %', digits: 1 },
  { key: 'low', head: 'middle half from', digits: 1 },
  { key: 'high', head: 'to', digits: 1 },
];

const STREAM = fileURLToPath(new URL('../inside/stream.ts', import.meta.url));
const PORT = 80;

type What = 'bytes' | 'round-trips';

/** TCP through our links beside the same links made by hand, in turn: A B, B A, A B … */
export const dataPlane: Scenario = { name: 'data-plane', run };

async function run(options: BenchOptions, progress: Progress): Promise<readonly Table[]> {
  await using stack = new AsyncDisposableStack();
  const hosts = [stack.use(await PrivateHost.start()), stack.use(await PrivateHost.start())] as const;
  progress.say('data-plane: making links');
  stack.use(await ours(hosts[0]));
  await handMade(hosts[1]);
  const pairs = options.quick ? 2 : 12;
  const ms = options.quick ? 100 : 400;
  const rows: Record<string, Cell>[] = [];
  for (const path of ['neighbours', 'published port'] as const) {
    await using sources = await openSources(hosts, path);
    for (const what of ['bytes', 'round-trips'] as const) {
      progress.say(`data-plane: ${path}, ${what}`);
      rows.push(rowOf(path, what, await alternate(sources, what, pairs, ms)));
    }
  }
  return [{ title: 'TCP through our links and through the same links made by hand', columns: COLUMNS, rows, notes: ['The difference is the median of the differences within pairs; half of the pairs lie between the last two columns.'] }];
}

interface Sources extends AsyncDisposable {
  readonly ours: Source;
  readonly hand: Source;
}

async function openSources(hosts: readonly [PrivateHost, PrivateHost], path: string): Promise<Sources> {
  await using stack = new AsyncDisposableStack();
  const { client, server, serverAddress, hostPort } = SANDBOXES;
  const open = async (host: PrivateHost): Promise<Source> => {
    stack.use(await sink(host.netns(server)));
    const [from, address, port] = path === 'neighbours' ? [host.netns(client), serverAddress, PORT] : [host.outside, host.address4, hostPort];
    return stack.use(new Source(from, address, port));
  };
  const sources = { ours: await open(hosts[0]), hand: await open(hosts[1]) };
  const owned = stack.move();
  return { ...sources, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function sink(place: Place): Promise<AsyncDisposable> {
  const running = await place.spawn([process.execPath, STREAM, 'sink', String(PORT)]);
  await running.waitFor(/ready/);
  return running;
}

/** The sending end of one path. */
class Source implements Disposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor(place: Place, address: string, port: number) {
    const [file = '', ...args] = [...place.enter, process.execPath, STREAM, 'source', address, String(port)];
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async measure(what: What, ms: number): Promise<number> {
    this.#child.stdin.write(`${what} ${String(ms)}\n`);
    const next = await this.#lines.next();
    if (next.done === true) throw new Error('the sending end has ended');
    return Number(next.value);
  }

  [Symbol.dispose](): void {
    this.#child.stdin.end();
  }
}

interface Pair {
  readonly ours: number;
  readonly hand: number;
}

async function alternate({ ours: a, hand: b }: Sources, what: What, pairs: number, ms: number): Promise<Pair[]> {
  // once each for nothing: neighbours, code, caches
  await a.measure(what, ms);
  await b.measure(what, ms);
  const found: Pair[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    const first = await (pair % 2 === 0 ? a : b).measure(what, ms);
    const second = await (pair % 2 === 0 ? b : a).measure(what, ms);
    found.push(pair % 2 === 0 ? { ours: first, hand: second } : { ours: second, hand: first });
  }
  return found;
}

function rowOf(path: string, what: What, pairs: readonly Pair[]): Record<string, Cell> {
  const scale = what === 'bytes' ? 8e-9 : 1;
  const slower = pairs.map(({ ours: a, hand: b }) => (what === 'bytes' ? b / a - 1 : a / b - 1) * 100);
  return {
    path,
    what: what === 'bytes' ? 'Gbit/s' : 'round trip, us',
    pairs: pairs.length,
    ours: median(pairs.map((pair) => pair.ours)) * scale,
    hand: median(pairs.map((pair) => pair.hand)) * scale,
    difference: median(slower),
    low: quantile(slower, 0.25),
    high: quantile(slower, 0.75),
  };
}
