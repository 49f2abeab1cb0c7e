/**
 * What the store tests do in another process:
 *   open PATH           says `opened`, or the error
 *   hold PATH           the same, and stays
 *   write PATH          commits for ever, saying the number of each commit once it is acknowledged
 *   fill PATH BALLAST   commits until the disk is full, deletes BALLAST, goes on; says what happened as JSON
 */
import { rmSync, writeFileSync, writeSync } from 'node:fs';
import { NetworkError } from '../../src/common/error.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';

/** What `fill` says. */
export interface Filled {
  /** How a store could not be made at all while the disk was full. */
  readonly unborn: string;
  /** Numbers of the commits acknowledged. */
  readonly acknowledged: readonly number[];
  /** How the first refused commit failed. */
  readonly refused: string;
  /** How a larger one failed after opening again. */
  readonly again: string;
  /** Numbers found after opening again, the disk still full. */
  readonly found: readonly number[];
  /** What could be read back of a commit made with space again. */
  readonly after: unknown;
}

function textOf(error: unknown): string {
  return error instanceof NetworkError ? `${error.code} ${error.message}` : `not a NetworkError: ${String(error)}`;
}

function attempt(promise: Promise<unknown>): Promise<string> {
  return promise.then(() => 'done', textOf);
}

/** Several commits at once, so that some share a transaction. */
async function write(store: Store): Promise<never> {
  for (let number = 0; ; number += 4) {
    await Promise.all(
      [0, 1, 2, 3].map(async (part) => {
        const value = number + part;
        await store.commit([{ key: `item/${value}`, value, expected: 0 }, { key: 'last', value }]);
        writeSync(1, `${value}\n`);
      }),
    );
  }
}

async function numbersOf(store: Store): Promise<number[]> {
  const { entries } = await store.list('item/');
  return entries.map(({ key }) => Number(key.slice('item/'.length))).toSorted((a, b) => a - b);
}

/** Files that take up every last block of the disk. */
function eatSpace(path: string): void {
  for (const size of [1 << 20, 1 << 16, 1 << 12, 1]) {
    for (let at = 0; ; at++) {
      try {
        writeFileSync(`${path}-${size}-${at}`, Buffer.alloc(size, 1));
      } catch {
        break;
      }
    }
  }
}

async function fill(path: string, ballast: string): Promise<Filled> {
  let refused: string | undefined;
  const acknowledged: number[] = [];
  {
    await using store = await openSqliteStore(path);
    for (let number = 0; refused === undefined; number++) {
      const answer = await attempt(store.commit([{ key: `item/${number}`, value: 'x'.repeat(2000), expected: 0 }]));
      if (answer === 'done') acknowledged.push(number);
      else refused = answer;
    }
  }
  eatSpace(`${path}.filler`);
  const unborn = await attempt(openSqliteStore(`${path}.second`));
  await using store = await openSqliteStore(path);
  const found = await numbersOf(store);
  const again = await attempt(store.commit([{ key: 'large', value: 'x'.repeat(100_000) }]));
  rmSync(ballast);
  await store.commit([{ key: 'after', value: 'space' }]);
  return { unborn, acknowledged, refused, again, found, after: (await store.get('after'))?.value };
}

const [command, path = '', ballast = ''] = process.argv.slice(2);
if (command === 'fill') {
  process.stdout.write(JSON.stringify(await fill(path, ballast)));
} else {
  try {
    const store = await openSqliteStore(path);
    writeSync(1, 'opened\n');
    if (command === 'write') await write(store);
    if (command === 'hold') setInterval(() => {}, 1000);
  } catch (error) {
    writeSync(1, textOf(error));
  }
}
