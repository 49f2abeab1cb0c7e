import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { NetworkError } from '../common/error.ts';
import { makeFolder } from '../common/make-folder.ts';
import { quote } from '../common/quote.ts';
import { START_FRESH, fromSqlite, storeError } from './sqlite-error.ts';

/** `netc`, in the file's header (SQLite file format §1.3.14): tells our files from other programs'. */
const APPLICATION_ID = 0x6e657463;

/** Version of the tables below, in `PRAGMA user_version`. */
const SCHEMA_VERSION = 1;

const TABLES = [
  'CREATE TABLE kv (key TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL) STRICT, WITHOUT ROWID',
  'CREATE TABLE meta (instance TEXT NOT NULL, revision INTEGER NOT NULL) STRICT',
];

/** What SQLite's own check does not see: damage inside a value or a key. */
const UNREADABLE = "SELECT key FROM kv WHERE NOT json_valid(value) OR key = '' OR key GLOB '*[^!-~]*' OR revision NOT BETWEEN 1 AND ?";

/** An open file, ours alone until it is closed or the process dies. */
export interface SqliteFile {
  readonly database: DatabaseSync;
  readonly instanceId: string;
  readonly revision: number;
  /** Closes it; the next one may open it. */
  close(): void;
}

/**
 * Files open in this process. The kernel drops a process's POSIX locks on a file when the process
 * closes any descriptor of it, so the checks below must not touch a file that we hold already.
 */
const held = new Set<string>();

/**
 * Opens a store's file, making it (0600) and its directory (0700) where there is none. An existing
 * file is checked from front to back.
 *
 * @throws {NetworkError} CORRUPT for a damaged or foreign file; UNAVAILABLE when another daemon
 * holds it, a newer release wrote it, or the place cannot be written
 */
export function openSqliteFile(path: string): SqliteFile {
  try {
    makeFolder(dirname(path), 0o700);
    if (fs.statSync(path, { throwIfNoEntry: false }) === undefined) create(path);
    const identity = identityOf(path);
    if (held.has(identity)) throw storeError(path, 'is open in this process already', 'UNAVAILABLE', 'use that store');
    checkHeader(path);
    const database = openLocked(path);
    try {
      const meta = check(path, database);
      held.add(identity);
      removeDrafts(path);
      const close = (): void => {
        database.close();
        held.delete(identity);
      };
      return { database, ...meta, close };
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    throw fromSqlite(path, error);
  }
}

/**
 * Makes the file elsewhere and links it into place when it is complete. So a file in place that is
 * empty or half written is damage, never the trace of a first start that was interrupted.
 */
function create(path: string): void {
  if (fs.existsSync(`${path}-wal`)) {
    throw storeError(path, 'is missing, but its -wal file is there', 'CORRUPT', 'put the store back, or move that file away too to start fresh');
  }
  const draft = `${path}.new-${randomBytes(4).toString('hex')}`;
  try {
    fs.closeSync(fs.openSync(draft, 'wx', 0o600));
    const database = new DatabaseSync(draft);
    try {
      database.exec(`
        PRAGMA journal_mode = MEMORY; PRAGMA synchronous = FULL; BEGIN;
        PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION};
        ${TABLES.join(';')};
        INSERT INTO meta VALUES ('${randomBytes(4).toString('hex')}', 0); COMMIT`);
    } finally {
      database.close();
    }
    linkOnce(draft, path);
  } finally {
    fs.rmSync(draft, { force: true });
  }
  syncDirectory(dirname(path));
}

/** Unlike rename, link never replaces what another daemon put there at the same moment. */
function linkOnce(draft: string, path: string): void {
  try {
    fs.linkSync(draft, path);
  } catch (error) {
    if (!fs.existsSync(path)) throw error;
  }
}

/** What a first start that was killed left behind. A draft that somebody is still writing would come too late anyway. */
function removeDrafts(path: string): void {
  const directory = dirname(path);
  const drafts = fs.readdirSync(directory).filter((name) => name.startsWith(`${basename(path)}.new-`));
  for (const draft of drafts) fs.rmSync(join(directory, draft), { force: true });
}

function syncDirectory(path: string): void {
  const directory = fs.openSync(path, 'r');
  try {
    fs.fsyncSync(directory);
  } finally {
    fs.closeSync(directory);
  }
}

function identityOf(path: string): string {
  const { dev, ino } = fs.statSync(path, { bigint: true });
  return `${dev}:${ino}`;
}

/** Looks before SQLite does, which would write into another program's database and repair its journal. */
function checkHeader(path: string): void {
  const stat = fs.statSync(path);
  if (!stat.isFile()) throw storeError(path, stat.isDirectory() ? 'is a directory' : 'is no regular file', 'UNAVAILABLE', START_FRESH);
  fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK);
  fs.accessSync(dirname(path), fs.constants.W_OK | fs.constants.X_OK);
  fs.chmodSync(path, 0o600);
  const header = Buffer.alloc(100);
  const file = fs.openSync(path, 'r');
  try {
    if (fs.readSync(file, header) < header.length) throw damaged(path, 'cut short');
  } finally {
    fs.closeSync(file);
  }
  const ours = header.toString('latin1', 0, 16) === 'SQLite format 3\0' && header.readUInt32BE(68) === APPLICATION_ID;
  if (!ours) throw storeError(path, 'is no store of this program', 'CORRUPT', `if it should be one, ${START_FRESH}`);
  // SQLite forgives a last page in part. With a journal beside it, the file may lag behind its header.
  if (!fs.existsSync(`${path}-wal`) && stat.size !== header.readUInt16BE(16) * header.readUInt32BE(28)) throw damaged(path, 'cut short');
}

function openLocked(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    // Exclusive before the first read: the lock is then on the file itself, and a killed process loses it.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN EXCLUSIVE; COMMIT');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Everything once, from front to back. */
function check(path: string, database: DatabaseSync): { instanceId: string; revision: number } {
  const version = database.prepare('PRAGMA user_version').get()?.['user_version'];
  if (typeof version === 'number' && version > SCHEMA_VERSION) {
    const reason = `was written by a newer release (schema ${version}, this one knows ${SCHEMA_VERSION})`;
    throw storeError(path, reason, 'UNAVAILABLE', 'install that release, or move it away to start fresh');
  }
  const tables = database.prepare("SELECT group_concat(sql, ';') AS sql FROM (SELECT sql FROM sqlite_schema ORDER BY name)").get()?.['sql'];
  if (version !== SCHEMA_VERSION || tables !== TABLES.join(';')) throw damaged(path, 'its tables are not as they were made');
  const verdict = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
  if (verdict !== 'ok') throw damaged(path, String(verdict));
  const meta = database.prepare('SELECT instance, revision FROM meta').all();
  const { instance, revision } = meta[0] ?? {};
  if (meta.length !== 1 || typeof instance !== 'string' || !/^[0-9a-f]{8}$/.test(instance) || typeof revision !== 'number') {
    throw damaged(path, 'its own id cannot be read');
  }
  const unreadable = database.prepare(UNREADABLE).get(revision);
  if (unreadable !== undefined) throw damaged(path, `entry ${quote(String(unreadable['key']))} cannot be read`);
  return { instanceId: instance, revision };
}

function damaged(path: string, how: string): NetworkError {
  return storeError(path, `is damaged (${how.replaceAll(/\s+/g, ' ')})`, 'CORRUPT', START_FRESH);
}
