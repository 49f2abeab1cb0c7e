import { NetworkError } from '../common/error.ts';
import type { DnsServer } from '../dns/dns-server.ts';
import type { DnsStats } from '../dns/dns-stats.ts';
import type { Applier, Change } from './applier.ts';
import type { Clock } from './context.ts';
import type { EventHub } from './events.ts';
import type { FileKeeper } from './file-keeper.ts';
import { GatewayNames } from './gateway-names.ts';
import { takeTouched, type Ledger, type Touched } from './ledger.ts';
import type { SandboxRecord } from './records.ts';
import { isServed } from './sandbox-files.ts';
import { isGone, ServedSandboxes } from './served-sandboxes.ts';
import { ToldNames } from './told-names.ts';

/** What {@link Names} works on. */
export interface NamesParts {
  readonly ledger: Ledger;
  readonly applier: Applier;
  readonly events: EventHub;
  readonly files: FileKeeper;
  /** Name of the tables of ours. */
  readonly table: string;
  /** Starts the name server; left out where names are not served. */
  readonly open?: OpenNames | undefined;
  readonly now: Clock;
}

/** Starts a name server. @param onCrash hears when it has ended by itself */
export type OpenNames = (onCrash: (error: NetworkError) => void) => Promise<DnsServer>;

/** A name server that has run this long, ms, is started again when it crashes; one that has not might crash for ever. */
const STABLE = 5_000;

/**
 * Keeps the name server, the redirects to it and the files of the sandboxes as the ledger wants them. What
 * cannot be done is told once, and tried again with the next repair: a sandbox without names is of more
 * use than none.
 */
export class Names implements AsyncDisposable {
  readonly #parts: NamesParts;
  readonly #served: ServedSandboxes;
  readonly #gateways: GatewayNames;
  /** What is wrong, by what it is about. */
  readonly #problems = new Map<string, string>();
  /** Why networks are not served at their gateway, since somebody last asked. */
  readonly #refusals = new Map<string, NetworkError>();
  /** Sandboxes whose namespace was made again under its old name. */
  readonly #moved = new Set<string>();
  /** Sandboxes whose files were written, or were there before this process: their users may have taken our part out of them since. */
  readonly #filed = new Set<string>();
  #told = new ToldNames();
  #server: Promise<DnsServer> | undefined;
  #startedAt = 0;
  /** All that was there before this process has been seen. */
  #settled = false;
  #isBehind = false;
  #closed = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: NamesParts) {
    this.#parts = parts;
    this.#served = new ServedSandboxes(parts.applier, parts.table);
    this.#gateways = new GatewayNames(parts.ledger);
  }

  /** Follows the ledger; when it resolves, every later question sees what is there now. */
  settle(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#follow();
      this.#settled = true;
    });
  }

  /** Has {@link settle} called, in a turn of the ledger's owner, when the name server has crashed. */
  onCrash: () => void = () => {};

  /**
   * The same for a new network, whose gateway may be somebody else's to serve names at.
   * @throws {NetworkError} IN_USE naming who does
   */
  async open(networkId: string): Promise<void> {
    await this.settle();
    const refusal = this.#refusals.get(networkId);
    this.#refusals.clear();
    if (refusal !== undefined) throw refusal;
  }

  /** Before a sandbox is forgotten: what stands in folders and namespaces of others goes while it is known whose it is. */
  withdraw(sandbox: SandboxRecord): Promise<void> {
    return this.#inTurn(async () => {
      const { id } = sandbox;
      this.#parts.ledger.touched.sandboxes.add(id);
      this.#filed.delete(id);
      await this.#attempt(filesOf(id), () => this.#parts.files.remove(sandbox));
      const server = await this.#server;
      if (server !== undefined) await this.#attempt(id, () => this.#served.remove(server, id));
    }).catch(() => {});
  }

  /** The namespace of a sandbox is another one now, under the same name. */
  moved(sandboxId: string): void {
    this.#moved.add(sandboxId);
    this.#parts.ledger.touched.sandboxes.add(sandboxId);
  }

  /** Everything is looked at again by the next {@link settle}. */
  refresh(): void {
    const { touched, networks, sandboxes, endpoints } = this.#parts.ledger;
    for (const id of networks.keys()) touched.networks.add(id);
    for (const id of sandboxes.keys()) touched.sandboxes.add(id);
    for (const id of endpoints.keys()) touched.endpoints.add(id);
  }

  /** The redirects that have to be in place. */
  changes(): Change[] {
    return this.#present().flatMap(({ id }) => (this.#moved.has(id) ? [] : this.#served.changes(id)));
  }

  /** What is wrong, a sentence each. */
  problems(): string[] {
    const { open, files } = this.#parts;
    if (open === undefined) return [];
    const stale = this.#present().flatMap((sandbox) => (this.#problems.has('files') || this.#problems.has(filesOf(sandbox.id)) ? [] : files.stale(sandbox)));
    return [...this.#problems.values(), ...stale];
  }

  /** Takes over what another one has told and opened, without looking: a rehearsal starts from what its model has. */
  assume(other: Names): void {
    const { ledger } = this.#parts;
    this.#told.take(ledger, takeTouched(ledger.touched));
    this.#served.assume(other.#served);
    this.#gateways.assume(other.#gateways);
    this.#settled = true;
  }

  /** Whether the name server runs, and has been told what there is by the last {@link settle}. */
  get areServed(): boolean {
    return this.#server !== undefined;
  }

  /** The name server, started where it is not running. @throws {NetworkError} UNSUPPORTED where names are not served */
  async server(): Promise<DnsServer> {
    const { open } = this.#parts;
    if (open === undefined) throw new NetworkError('UNSUPPORTED', 'names are not served here');
    if (this.#server === undefined) {
      this.#startedAt = this.#parts.now();
      this.#server = open((error) => this.#crashed(error));
    }
    try {
      return await this.#server;
    } catch (error) {
      this.#server = undefined;
      throw error;
    }
  }

  /** What has been asked; undefined while nobody can ask. @throws {NetworkError} INTERNAL when the server is gone */
  async stats(): Promise<DnsStats | undefined> {
    return (await this.#server)?.stats();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#inTurn(() => this.#stop());
  }

  #inTurn(task: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(task);
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #follow(): Promise<void> {
    const { ledger, open, files } = this.#parts;
    if (this.#closed) return;
    if (files.followHost()) for (const id of ledger.sandboxes.keys()) ledger.touched.sandboxes.add(id);
    // Nobody asks: everything is looked at for the first who does, and what comes and goes on other hosts meanwhile is not gathered.
    if (open === undefined || (this.#server === undefined && ledger.sandboxes.size === 0 && !this.#gateways.areWanted)) {
      this.#isBehind = true;
      return void takeTouched(ledger.touched);
    }
    if (this.#isBehind) this.refresh();
    this.#isBehind = false;
    const touched = takeTouched(ledger.touched);
    try {
      await this.#tell(touched);
      this.#problems.delete('');
    } catch (thrown) {
      const error = NetworkError.from(thrown);
      if (isGone(error)) {
        // What it was told is gone with it: another one is told everything.
        await this.#stop();
        await this.#attempt('', () => this.#tell(takeTouched(ledger.touched)));
      } else {
        this.#told = new ToldNames();
        this.#note('', `names are not served: ${error.message}`);
      }
    }
  }

  async #tell(touched: Touched): Promise<void> {
    const { ledger } = this.#parts;
    const { changes, sandboxes } = this.#told.take(ledger, touched);
    if (changes.length === 0 && sandboxes.size === 0 && touched.networks.size === 0) return;
    const server = await this.server();
    const present = this.#present(sandboxes);
    const here = new Set(present.map(({ id }) => id));
    for (const id of sandboxes) {
      if (!here.has(id) || this.#moved.has(id)) await this.#served.remove(server, id);
      if (!ledger.sandboxes.has(id)) for (const about of [id, filesOf(id)]) this.#problems.delete(about);
    }
    this.#moved.clear();
    const unserved = present.filter(({ id }) => !this.#served.has(id));
    await Promise.all([server.update(changes), this.#serve(server, unserved), this.#serveGateways(server, touched.networks), this.#writeFiles(present)]);
  }

  async #serve(server: DnsServer, sandboxes: readonly SandboxRecord[]): Promise<void> {
    for (const { id } of sandboxes) this.#problems.delete(id);
    await this.#served.add(server, sandboxes, ({ id, name }, error) => this.#note(id, `names are not served in sandbox '${name}': ${error.message}`));
  }

  async #serveGateways(server: DnsServer, networks: ReadonlySet<string>): Promise<void> {
    for (const id of networks) this.#problems.delete(id);
    await this.#gateways.follow(server, networks, ({ record }, error) => {
      this.#note(record.id, `names are not served at the gateway of network '${record.name}': ${error.message}`);
      this.#refusals.set(record.id, error);
    });
  }

  async #writeFiles(sandboxes: readonly SandboxRecord[]): Promise<void> {
    const { files } = this.#parts;
    if (sandboxes.length === 0 || !(await this.#attempt('files', () => files.prepare()))) return;
    for (const sandbox of sandboxes) {
      const { id } = sandbox;
      const fresh = this.#settled && !this.#filed.has(id);
      this.#filed.add(id);
      await this.#attempt(filesOf(id), () => files.write(sandbox, fresh));
    }
  }

  #crashed(error: NetworkError): void {
    this.#parts.events.warn(`the name server has crashed: ${error.message}`);
    this.#forget();
    if (!this.#closed && this.#parts.now() - this.#startedAt >= STABLE) this.onCrash();
  }

  /** The server is gone, and what it was told and had open with it. */
  #forget(): void {
    this.#server = undefined;
    this.#told = new ToldNames();
    this.#served.clear();
    this.#gateways.clear();
    this.refresh();
  }

  /** Sandboxes in which names are to be served. */
  #present(ids: Iterable<string> = this.#parts.ledger.sandboxes.keys()): SandboxRecord[] {
    const { sandboxes, displaced } = this.#parts.ledger;
    return [...ids].flatMap((id) => {
      const sandbox = sandboxes.get(id);
      return sandbox !== undefined && isServed(sandbox) && !displaced.has(id) ? [sandbox] : [];
    });
  }

  async #stop(): Promise<void> {
    const server = await this.#server?.catch(() => undefined);
    this.#forget();
    await server?.[Symbol.asyncDispose]();
  }

  /** @returns whether it went well; if not, it is told */
  async #attempt(about: string, task: () => void | Promise<void>): Promise<boolean> {
    try {
      await task();
      return this.#problems.delete(about) || true;
    } catch (error) {
      this.#note(about, NetworkError.from(error).message);
      return false;
    }
  }

  #note(about: string, message: string): void {
    if (this.#problems.get(about) !== message) this.#parts.events.warn(message);
    this.#problems.set(about, message);
  }
}

/** What problems with a sandbox's files are noted under. */
function filesOf(sandboxId: string): string {
  return `files ${sandboxId}`;
}
