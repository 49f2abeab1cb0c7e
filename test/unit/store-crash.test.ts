import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import { rejects } from '../support/refusal.ts';

const CHILD = fileURLToPath(new URL('../support/store-child.ts', import.meta.url));

type Child = ChildProcessByStdio<null, Readable, null>;

function start(command: string, path: string): Child {
  return spawn(process.execPath, [CHILD, command, path], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Kills it without warning and waits until the kernel has let go of its locks. */
async function kill(child: Child): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

describe('SqliteStore and sudden death', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'store-'));
    path = join(folder, 'state.db');
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('is refused while another process has it, and free when that one is killed', async () => {
    const child = start('hold', path);
    await once(child.stdout, 'data');
    try {
      await rejects(openSqliteStore(path), 'UNAVAILABLE', /'.*state\.db' is held by another daemon: stop that one/);
    } finally {
      await kill(child);
    }
    await using store = await openSqliteStore(path);
    assert.deepEqual((await store.list('')).entries, []);
  });

  it('is made once when two start at the same moment', async () => {
    const children = [start('hold', path), start('hold', path), start('hold', path)];
    const answers = await Promise.all(children.map(async (child) => String(await once(child.stdout, 'data'))));
    await Promise.all(children.map(kill));
    assert.equal(answers.filter((answer) => answer.startsWith('opened')).length, 1, answers.join());
    assert.equal(answers.filter((answer) => answer.includes('held by another daemon')).length, 2, answers.join());
  });

  it('has every acknowledged commit, whole, after kill -9 in the middle of writing', async () => {
    for (const wait of [20, 60, 100, 140]) {
      rmSync(path, { force: true });
      const child = start('write', path);
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
      while (!said.includes('\n3\n')) await once(child.stdout, 'data');
      await new Promise((resolve) => {
        setTimeout(resolve, wait);
      });
      await kill(child);
      const acknowledged = said.trim().split('\n').slice(1).map(Number);
      await using store = await openSqliteStore(path);
      const numbers = (await store.list('item/')).entries.map(({ value }) => Number(value)).toSorted((a, b) => a - b);
      assert.deepEqual(acknowledged.filter((number) => !numbers.includes(number)), []);
      // Each commit wrote two keys: the last of one kind must be that of the other.
      assert.equal((await store.get('last'))?.value, numbers.at(-1));
      assert.deepEqual(numbers, Array.from(numbers, (_, at) => at));
    }
  });
});
