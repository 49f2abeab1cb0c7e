import type { StatementSync } from 'node:sqlite';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import { ChangeLog } from './change-log.ts';
import type { LoggedChange } from './change-log.ts';
import { checkChanges, conflictOf } from './checked-change.ts';
import type { CheckedChange } from './checked-change.ts';
import { fromSqlite } from './sqlite-error.ts';
import { openSqliteFile } from './sqlite-file.ts';
import type { SqliteFile } from './sqlite-file.ts';
import type { Change, Check, CommitOptions, Entry, Listing, Store, StoreEvent, WatchOptions } from './store.ts';

/**
 * Opens the store of one host, a SQLite file; its directory and the file are made where they are
 * missing. One process has it at a time.
 *
 * @throws {NetworkError} CORRUPT for a damaged or foreign file; UNAVAILABLE when another daemon
 * holds it, a newer release wrote it, or the place cannot be written
 */
export async function openSqliteStore(path: string): Promise<Store> {
  return new SqliteStore(path, openSqliteFile(path));
}

interface Waiting extends PromiseWithResolvers<number> {
  readonly changes: readonly CheckedChange[];
  readonly checks: readonly Check[];
}

class SqliteStore implements Store {
  readonly instanceId: string;
  readonly #path: string;
  readonly #file: SqliteFile;
  readonly #log: ChangeLog;
  readonly #get: StatementSync;
  readonly #list: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #advance: StatementSync;
  #revision: number;
  #waiting: Waiting[] = [];
  #closed = false;

  constructor(path: string, file: SqliteFile) {
    this.#path = path;
    this.#file = file;
    this.instanceId = file.instanceId;
    this.#revision = file.revision;
    this.#log = new ChangeLog(file.revision);
    const { database } = file;
    this.#get = database.prepare('SELECT key, value, revision FROM kv WHERE key = ?');
    // Keys are printable ASCII, so all that start with a prefix sort before the prefix and DEL.
    this.#list = database.prepare('SELECT key, value, revision FROM kv WHERE key >= ?1 AND key < ?1 || char(127) ORDER BY key');
    this.#put = database.prepare('INSERT OR REPLACE INTO kv VALUES (?, ?, ?)');
    this.#delete = database.prepare('DELETE FROM kv WHERE key = ?');
    this.#advance = database.prepare('UPDATE meta SET revision = ?');
  }

  async get(key: string): Promise<Entry | undefined> {
    return this.#guarded(() => this.#read(key));
  }

  async list(prefix: string): Promise<Listing> {
    return this.#guarded(() => ({ entries: this.#list.all(prefix).map(entryOf), revision: this.#revision }));
  }

  /** Commits of one turn of the event loop share one transaction, and so one wait for the disk. */
  async commit(changes: readonly Change[], { checks = [] }: CommitOptions = {}): Promise<number> {
    this.#requireOpen();
    const waiting = { changes: checkChanges(changes, checks), checks: structuredClone(checks), ...Promise.withResolvers<number>() };
    if (this.#waiting.push(waiting) === 1) setImmediate(() => this.#flush());
    return waiting.promise;
  }

  watch(prefix: string, options?: WatchOptions): AsyncIterable<StoreEvent> {
    this.#requireOpen();
    return this.#log.watch(prefix, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    this.#log.close();
    this.#file.close();
  }

  #flush(): void {
    const batch = this.#waiting;
    if (batch.length === 0) return;
    this.#waiting = [];
    try {
      const answers = this.#write(batch);
      for (const answer of answers) answer();
    } catch (thrown) {
      const error = fromSqlite(this.#path, thrown);
      for (const { reject } of batch) reject(error);
    }
  }

  /** One transaction for all; what each is to be told is told only when it is on the disk. */
  #write(batch: readonly Waiting[]): (() => void)[] {
    const { database } = this.#file;
    const logged: LoggedChange[] = [];
    let revision = this.#revision;
    database.exec('BEGIN IMMEDIATE');
    try {
      const answers = batch.map(({ changes, checks, resolve, reject }) => {
        const conditions = [...changes, ...checks];
        const present = new Map(conditions.map(({ key }) => [key, this.#read(key)?.revision]));
        const conflict = conditions.map((condition) => conflictOf(condition, present.get(condition.key))).find((found) => found !== undefined);
        if (conflict !== undefined) return (): void => reject(conflict);
        const real = changes.filter(({ key, text }) => text !== undefined || present.get(key) !== undefined);
        const mine = real.length === 0 ? revision : ++revision;
        for (const { key, text } of real) {
          if (text === undefined) this.#delete.run(key);
          else this.#put.run(key, text, mine);
          logged.push({ key, text, revision: mine });
        }
        return (): void => resolve(mine);
      });
      if (revision > this.#revision) this.#advance.run(revision);
      database.exec('COMMIT');
      this.#revision = revision;
      this.#log.append(logged);
      return answers;
    } catch (error) {
      // A full disk has rolled it back by itself.
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }

  #read(key: string): Entry | undefined {
    const row = this.#get.get(key);
    return row === undefined ? undefined : entryOf(row);
  }

  #guarded<T>(read: () => T): T {
    this.#requireOpen();
    try {
      return read();
    } catch (error) {
      throw fromSqlite(this.#path, error);
    }
  }

  #requireOpen(): void {
    if (this.#closed) throw new NetworkError('UNAVAILABLE', `store ${quote(this.#path)} is closed`);
  }
}

function entryOf(row: Record<string, unknown>): Entry {
  const value: unknown = JSON.parse(String(row['value']));
  return { key: String(row['key']), value, revision: Number(row['revision']) };
}
