import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Entry } from '../../src/store/store.ts';
import { rejects } from '../support/refusal.ts';
import { run } from '../support/run.ts';
import type { Filled } from '../support/store-child.ts';

const CHILD = fileURLToPath(new URL('../support/store-child.ts', import.meta.url));

/** A way out that fits every file that cannot be trusted. */
const MOVE = /move it away .*to start fresh/;

/** A store of some size, one value spread over several pages, and what is in it. */
async function makeStore(path: string): Promise<readonly Entry[]> {
  await using store = await openSqliteStore(path);
  await store.commit(Array.from({ length: 100 }, (_, at) => ({ key: `item/${at}`, value: { at, text: 'some text '.repeat(30) } })));
  await store.commit([{ key: 'large', value: 'large value '.repeat(2000) }, { key: 'item/50' }]);
  return (await store.list('')).entries;
}

describe('SqliteStore and its file', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'store-'));
    path = join(folder, 'state', 'state.db');
  });

  afterEach(() => fs.rmSync(folder, { recursive: true }));

  it('keeps contents, revisions and its id when it is closed and opened', async () => {
    const entries = await makeStore(path);
    const ids: string[] = [];
    for (let time = 0; time < 2; time++) {
      await using store = await openSqliteStore(path);
      ids.push(store.instanceId);
      assert.deepEqual(await store.list(''), { entries, revision: 2 });
    }
    assert.equal(ids[0], ids[1]);
    await using store = await openSqliteStore(path);
    assert.equal(await store.commit([{ key: 'x', value: 1 }]), 3);
  });

  it('lets nobody else read it, whatever the umask', async () => {
    const umask = process.umask(0);
    try {
      await using store = await openSqliteStore(path);
      await store.commit([{ key: 'a', value: 1 }]);
      const modes = [join(folder, 'state'), ...fs.readdirSync(join(folder, 'state')).map((name) => join(folder, 'state', name))];
      assert.deepEqual(modes.map((name) => fs.statSync(name).mode & 0o777), [0o700, 0o600, 0o600]);
    } finally {
      process.umask(umask);
    }
    fs.chmodSync(path, 0o644);
    await using store = await openSqliteStore(path);
    assert.equal(fs.statSync(path).mode & 0o777, 0o600, store.instanceId);
  });

  it('does not touch the mode of a directory that was there', async () => {
    fs.mkdirSync(join(folder, 'state'), { mode: 0o755 });
    await using store = await openSqliteStore(path);
    assert.equal(fs.statSync(join(folder, 'state')).mode & 0o777, 0o755, store.instanceId);
  });

  it('leaves one file behind when it is closed', async () => {
    await makeStore(path);
    assert.deepEqual(fs.readdirSync(join(folder, 'state')), ['state.db']);
  });

  it('removes what a first start that was killed left behind', async () => {
    await makeStore(path);
    fs.writeFileSync(`${path}.new-01234567`, 'half');
    await using store = await openSqliteStore(path);
    assert.ok(!fs.existsSync(`${path}.new-01234567`), store.instanceId);
  });

  it('refuses a file cut short at any length, and leaves it alone', async () => {
    await makeStore(path);
    const whole = fs.readFileSync(path);
    for (const length of [0, 1, 50, 99, 100, 512, 4095, 4096, 4097, whole.length >> 1, whole.length - 4096, whole.length - 1]) {
      fs.writeFileSync(path, whole.subarray(0, length));
      await rejects(openSqliteStore(path), 'CORRUPT', /state\.db' is (damaged|no store)/, MOVE);
      assert.deepEqual(fs.readFileSync(path), whole.subarray(0, length), `${length} bytes`);
      assert.deepEqual(fs.readdirSync(join(folder, 'state')), ['state.db']);
    }
  });

  it('refuses a file with zeros in it, wherever they are, unless nothing was there', async () => {
    const entries = await makeStore(path);
    const whole = fs.readFileSync(path);
    let refused = 0;
    const lost: number[] = [];
    for (let at = 0; at < whole.length; at += 512) {
      const damaged = Buffer.from(whole);
      damaged.fill(0, at, at + 512);
      if (damaged.equals(whole)) continue;
      fs.writeFileSync(path, damaged);
      try {
        await using store = await openSqliteStore(path);
        assert.deepEqual((await store.list('')).entries, entries, `zeros at ${at}`);
        lost.push(at);
      } catch (error) {
        await rejects(Promise.reject(error), 'CORRUPT', MOVE);
        refused++;
      }
    }
    assert.ok(refused > 50, `${refused} refused, but not at ${lost.join()}`);
  });

  it('refuses pages of zeros', async () => {
    await makeStore(path);
    const whole = fs.readFileSync(path);
    for (let at = 0; at < whole.length; at += 4096) {
      const damaged = Buffer.from(whole);
      damaged.fill(0, at, at + 4096);
      fs.writeFileSync(path, damaged);
      await rejects(openSqliteStore(path), 'CORRUPT', MOVE);
    }
  });

  it('refuses what is no store, and leaves it alone', async () => {
    fs.mkdirSync(join(folder, 'state'));
    const foreign = join(folder, 'foreign.db');
    const database = new DatabaseSync(foreign);
    database.exec('CREATE TABLE kv (key TEXT, value TEXT, revision INTEGER); PRAGMA user_version = 1');
    database.close();
    for (const bytes of [Buffer.from('just some text\n'.repeat(100)), Buffer.alloc(8192), fs.readFileSync(foreign)]) {
      fs.writeFileSync(path, bytes);
      await rejects(openSqliteStore(path), 'CORRUPT', /is no store of this program/, MOVE);
      assert.deepEqual(fs.readFileSync(path), bytes);
    }
  });

  it('refuses a directory, a pipe and a dangling link in its place', async () => {
    fs.mkdirSync(path, { recursive: true });
    await rejects(openSqliteStore(path), 'UNAVAILABLE', /state\.db' is a directory/, MOVE);
    fs.rmdirSync(path);
    await run(['mkfifo', path]);
    await rejects(openSqliteStore(path), 'UNAVAILABLE', /is no regular file/);
    fs.rmSync(path);
    fs.symlinkSync('nowhere', path);
    await rejects(openSqliteStore(path), 'UNAVAILABLE', /state\.db'/);
  });

  it('refuses a store of a newer release, and leaves it alone', async () => {
    await makeStore(path);
    const database = new DatabaseSync(path);
    database.exec('PRAGMA journal_mode = DELETE; PRAGMA user_version = 99');
    database.close();
    const bytes = fs.readFileSync(path);
    await rejects(openSqliteStore(path), 'UNAVAILABLE', /newer release \(schema 99, this one knows 1\): install that release/);
    assert.deepEqual(fs.readFileSync(path).subarray(100), bytes.subarray(100));
  });

  it('refuses a store whose own tables or id are gone', async () => {
    for (const sql of ['DELETE FROM meta', "UPDATE meta SET instance = 'x'", 'DROP TABLE kv', 'UPDATE meta SET revision = 1', "UPDATE kv SET value = '{' WHERE key = 'large'"]) {
      fs.rmSync(path, { force: true });
      await makeStore(path);
      const database = new DatabaseSync(path);
      database.exec(sql);
      database.close();
      await rejects(openSqliteStore(path), 'CORRUPT', MOVE);
    }
  });

  it('does not start fresh beside the journal of a store that is missing', async () => {
    fs.mkdirSync(join(folder, 'state'));
    fs.writeFileSync(`${path}-wal`, 'journal');
    await rejects(openSqliteStore(path), 'CORRUPT', /is missing, but its -wal file is there/);
    assert.deepEqual(fs.readdirSync(join(folder, 'state')), ['state.db-wal']);
  });

  it('refuses a place that is below a file', async () => {
    fs.writeFileSync(join(folder, 'state'), '');
    await rejects(openSqliteStore(path), 'UNAVAILABLE', /state\.db' cannot be used/);
  });

  it('is open once in a process, and can be opened again after closing', async () => {
    {
      await using store = await openSqliteStore(path);
      await rejects(openSqliteStore(path), 'UNAVAILABLE', /open in this process already/);
      fs.symlinkSync(path, join(folder, 'alias.db'));
      await rejects(openSqliteStore(join(folder, 'alias.db')), 'UNAVAILABLE', /open in this process already/);
      // The refusals must not have cost the first one its lock.
      await rejects(openElsewhere(path), 'UNAVAILABLE', /held by another daemon/);
      await store.commit([{ key: 'a', value: 1 }]);
    }
    await using store = await openSqliteStore(path);
    assert.equal((await store.get('a'))?.value, 1);
  });

  it('refuses a read-only disk, with and without a store on it', async () => {
    await makeStore(path);
    const script = 'mount -t tmpfs tmpfs "$0" && cp -r "$1" "$0/full" && mkdir "$0/empty" && mount -o remount,ro "$0" && for d in full empty; do "$2" "$3" open "$0/$d/state.db"; echo; done';
    const mount = join(folder, 'mount');
    fs.mkdirSync(mount);
    const { stdout } = await inMountNamespace(['sh', '-c', script, mount, join(folder, 'state'), process.execPath, CHILD]);
    const [full = '', empty = ''] = stdout.trim().split('\n');
    assert.match(full, /^UNAVAILABLE store '.*full\/state\.db' cannot be used \(EROFS.*choose another state directory/);
    assert.match(empty, /^UNAVAILABLE store '.*empty\/state\.db' cannot be used \(EROFS/);
  });

  it('refuses a place that belongs to somebody else', async () => {
    await makeStore(path);
    fs.chmodSync(folder, 0o755);
    const { stdout } = await run(['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath, CHILD, 'open', path]);
    assert.match(stdout, /^UNAVAILABLE store '.*' cannot be used \(EACCES/);
  });

  it('says that the disk is full, loses nothing acknowledged, and goes on when there is space', async () => {
    const mount = join(folder, 'mount');
    fs.mkdirSync(mount);
    const script = 'mount -t tmpfs -o size=2m tmpfs "$0" && head -c 400000 /dev/zero >"$0/ballast" && "$1" "$2" fill "$0/state.db" "$0/ballast"';
    const { stdout } = await inMountNamespace(['sh', '-c', script, mount, process.execPath, CHILD]);
    const filled = JSON.parse(stdout) as Filled;
    assert.match(filled.refused, /^UNAVAILABLE store '.*state\.db' cannot grow, its disk is full: nothing was written; free some space/);
    assert.match(filled.again, /^UNAVAILABLE .*its disk is full/);
    assert.match(filled.unborn, /^UNAVAILABLE store '.*second' /);
    assert.ok(filled.acknowledged.length > 50, `${filled.acknowledged.length} commits before the disk was full`);
    assert.deepEqual(filled.found, filled.acknowledged);
    assert.equal(filled.after, 'space');
  });
});

/** Opens it in another process and gives the outcome as a promise of this one. */
async function openElsewhere(path: string): Promise<void> {
  const { stdout } = await run([process.execPath, CHILD, 'open', path]);
  const [, code, message] = /^([A-Z_]+) (.*)$/s.exec(stdout.trim()) ?? [];
  const { NetworkError, ERROR_CODES } = await import('../../src/common/error.ts');
  const known = ERROR_CODES.find((one) => one === code);
  if (known !== undefined) throw new NetworkError(known, message ?? '');
}

/** Root only: mounts made in there are gone with it. */
function inMountNamespace(command: readonly string[]): ReturnType<typeof run> {
  if (process.getuid?.() !== 0) throw new Error('this test mounts a small disk of its own: run the tests as root (sudo scripts/test)');
  return run(['unshare', '--mount', '--propagation', 'private', ...command]);
}
