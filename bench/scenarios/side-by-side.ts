import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Place } from '../../test/support/place.ts';
import { median, quantile } from '../report/statistics.ts';
import type { Cell, Column } from '../report/table.ts';

/** Columns of the rows that {@link sideBySide} gives, behind those that name the paths. */
export const SIDE_BY_SIDE: readonly Column[] = [
  { key: 'what', head: 'what' },
  { key: 'pairs', head: 'pairs' },
  { key: 'ours', head: 'ours', digits: 2 },
  { key: 'other', head: 'the other', digits: 2 },
  { key: 'difference', head: 'ours slower by, %', digits: 1 },
  { key: 'low', head: 'middle half from', digits: 1 },
  { key: 'high', head: 'to', digits: 1 },
];

/** What such a table has to say below it. */
export const SIDE_BY_SIDE_NOTE = 'The difference is the median of the differences within pairs; half of the pairs lie between the last two columns.';

const STREAM = fileURLToPath(new URL('../inside/stream.ts', import.meta.url));
/** Where the receiving end listens. */
const PORT = 80;

/** A way that TCP can take. */
export interface Path {
  readonly from: Place;
  /** Plain IPv4 address and port to which it is sent. */
  readonly address: string;
  readonly port?: number;
  /** Where that arrives, at port 80. */
  readonly to: Place;
}

/** How much is measured. */
export interface PairExtent {
  readonly pairs: number;
  /** Of each measurement. */
  readonly ms: number;
}

type What = 'bytes' | 'round-trips';

/**
 * TCP over two paths in turn: A B, B A, A B …
 * @param say is told what is being measured
 * @returns a row for bytes and one for round trips
 */
export async function sideBySide(paths: { readonly ours: Path; readonly other: Path }, extent: PairExtent, say: (what: What) => void): Promise<Record<string, Cell>[]> {
  await using stack = new AsyncDisposableStack();
  const open = async (path: Path): Promise<Source> => {
    stack.use(await sink(path.to));
    return stack.use(new Source(path));
  };
  const [ours, other] = [await open(paths.ours), await open(paths.other)];
  const rows: Record<string, Cell>[] = [];
  for (const what of ['bytes', 'round-trips'] as const) {
    say(what);
    rows.push(rowOf(what, await alternate(ours, other, what, extent)));
  }
  return rows;
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

  constructor({ from, address, port = PORT }: Path) {
    const [file = '', ...args] = [...from.enter, process.execPath, STREAM, 'source', address, String(port)];
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
  readonly other: number;
}

async function alternate(a: Source, b: Source, what: What, { pairs, ms }: PairExtent): Promise<Pair[]> {
  // once each for nothing: neighbours, code, caches
  await a.measure(what, ms);
  await b.measure(what, ms);
  const found: Pair[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    const first = await (pair % 2 === 0 ? a : b).measure(what, ms);
    const second = await (pair % 2 === 0 ? b : a).measure(what, ms);
    found.push(pair % 2 === 0 ? { ours: first, other: second } : { ours: second, other: first });
  }
  return found;
}

function rowOf(what: What, pairs: readonly Pair[]): Record<string, Cell> {
  const scale = what === 'bytes' ? 8e-9 : 1;
  const slower = pairs.map(({ ours: a, other: b }) => (what === 'bytes' ? b / a - 1 : a / b - 1) * 100);
  return {
    what: what === 'bytes' ? 'Gbit/s' : 'round trip, us',
    pairs: pairs.length,
    ours: median(pairs.map((pair) => pair.ours)) * scale,
    other: median(pairs.map((pair) => pair.other)) * scale,
    difference: median(slower),
    low: quantile(slower, 0.25),
    high: quantile(slower, 0.75),
  };
}
