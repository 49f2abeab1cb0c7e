import { readFileSync } from 'node:fs';
import { NetworkError } from '../common/error.ts';
import { parseResolvConf } from '../dns/resolv-conf.ts';
import type { Store } from '../store/store.ts';
import type { Ledger } from './ledger.ts';
import type { FileName, NetnsFiles } from './netns-files.ts';
import type { SandboxRecord } from './records.ts';
import { fileContents, fileOwner, isServed, type HostResolver } from './sandbox-files.ts';

/** Where it is written down that the folder of all files was made by us. */
const FOLDER_KEY = 'host/netns-files';
const HOST_RESOLVER = '/etc/resolv.conf';

/** Keeps the files of sandboxes as the ledger wants them. */
export class FileKeeper {
  readonly #files: NetnsFiles | undefined;
  readonly #store: Store;
  readonly #ledger: Ledger;
  /** Search list and options of the host, which sandboxes get that were told nothing else. */
  #host: HostResolver = { search: [], options: [] };

  /** @param files left out where sandboxes get none */
  constructor(files: NetnsFiles | undefined, store: Store, ledger: Ledger) {
    this.#files = files;
    this.#store = store;
    this.#ledger = ledger;
    this.followHost();
  }

  /** Looks at what sandboxes get of the host's resolv.conf. @returns whether it is something else than before */
  followHost(): boolean {
    if (this.#files === undefined) return false;
    const { search, options } = parseResolvConf(readHostResolver());
    const before = JSON.stringify(this.#host);
    this.#host = { search, options };
    return JSON.stringify(this.#host) !== before;
  }

  /** Files of a sandbox to be that are there before it. */
  present(sandbox: SandboxRecord): FileName[] {
    const owner = isServed(sandbox) ? fileOwner('', sandbox) : undefined;
    return owner === undefined ? [] : (this.#files?.present(owner.namespace) ?? []);
  }

  /** Makes the folder that all files are in, before the first of them. @throws {NetworkError} UNAVAILABLE */
  async prepare(): Promise<void> {
    if (this.#files === undefined || this.#files.exists) return;
    // Written down first: after a crash it is still known to be ours.
    await this.#store.commit([{ key: FOLDER_KEY, value: true }]);
    this.#files.makeFolder();
  }

  /** Writes what differs. @param fresh the sandbox is new @throws {NetworkError} UNAVAILABLE */
  write(sandbox: SandboxRecord, fresh: boolean): void {
    const owner = fileOwner(this.#store.instanceId, sandbox);
    if (owner !== undefined) this.#files?.write(owner, fileContents(this.#ledger, sandbox, this.#host), fresh);
  }

  /** What differs, a sentence each. */
  stale(sandbox: SandboxRecord): string[] {
    const owner = fileOwner(this.#store.instanceId, sandbox);
    if (owner === undefined || this.#files === undefined) return [];
    try {
      return this.#files.stale(owner, fileContents(this.#ledger, sandbox, this.#host)).map((name) => `file ${name} of sandbox '${sandbox.name}' is missing or not as it should be`);
    } catch (error) {
      return [NetworkError.from(error).message];
    }
  }

  /** Takes away what {@link write} made; the folder of all goes with the last, if it was made by us. @throws {NetworkError} UNAVAILABLE */
  async remove(sandbox: SandboxRecord): Promise<void> {
    const owner = isServed(sandbox) ? fileOwner(this.#store.instanceId, sandbox) : undefined;
    if (owner === undefined || this.#files === undefined) return;
    this.#files.remove(owner);
    if (this.#ledger.sandboxes.size > 1 || (await this.#store.get(FOLDER_KEY)) === undefined) return;
    this.#files.removeFolder();
    await this.#store.commit([{ key: FOLDER_KEY }]);
  }
}

function readHostResolver(): string {
  try {
    return readFileSync(HOST_RESOLVER, 'utf8');
  } catch {
    // a host without one
    return '';
  }
}
