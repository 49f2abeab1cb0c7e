import { NetworkError } from '../common/error.ts';
import type { DnsPorts, DnsServer } from '../dns/dns-server.ts';
import type { Applier, Change } from './applier.ts';
import type { SandboxRecord } from './records.ts';
import { RESOLVER } from './sandbox-files.ts';
import { removal } from './wanted.ts';

/** Port of the Domain Name System (RFC 1035 §4.2). */
const DNS_PORT = 53;

/** Where a sandbox is served. */
interface Place {
  readonly namespace: string;
  readonly ports: DnsPorts;
  /** The namespace is ours and goes as a whole: nothing in it is worth an operation. */
  readonly vanishes: boolean;
}

/** Sandboxes in which names are served: sockets of the name server in each, and the redirect that leads to them. */
export class ServedSandboxes {
  readonly #applier: Applier;
  /** Name of the redirects' table. */
  readonly #table: string;
  readonly #places = new Map<string, Place>();

  constructor(applier: Applier, table: string) {
    this.#applier = applier;
    this.#table = table;
  }

  /** Takes over what another one serves, without looking. */
  assume(other: ServedSandboxes): void {
    for (const [id, place] of other.#places) this.#places.set(id, place);
  }

  has(sandboxId: string): boolean {
    return this.#places.has(sandboxId);
  }

  /** The redirect of a sandbox; none where it is not served. */
  changes(sandboxId: string): Change[] {
    const place = this.#places.get(sandboxId);
    return place === undefined ? [] : [this.#change(sandboxId, place)];
  }

  /**
   * Serves sandboxes that were not. One that cannot be served is left out.
   * @param refused hears why
   * @throws {NetworkError} INTERNAL, UNAVAILABLE when the server itself is gone
   */
  async add(server: DnsServer, sandboxes: readonly SandboxRecord[], refused: (sandbox: SandboxRecord, error: NetworkError) => void): Promise<void> {
    const opened = await Promise.all(
      sandboxes.map(async (sandbox) => {
        try {
          const { id, namespace, kind } = sandbox;
          return { sandbox, place: { namespace, ports: await server.listen(id, namespace), vanishes: kind === 'named' } };
        } catch (thrown) {
          const error = NetworkError.from(thrown);
          if (isGone(error)) throw error;
          refused(sandbox, error);
          return undefined;
        }
      }),
    );
    const found = opened.filter((one) => one !== undefined);
    try {
      await this.#redirect(found);
    } catch {
      // One is in the way of all: which one is found out one by one.
      for (const one of found) await this.#redirect([one]).catch((error: unknown) => refused(one.sandbox, NetworkError.from(error)));
    }
  }

  /** Ends serving a sandbox; fine where it is not served. @throws {NetworkError} as {@link DnsServer.unlisten} */
  async remove(server: DnsServer, sandboxId: string): Promise<void> {
    const place = this.#places.get(sandboxId);
    if (place === undefined) return;
    this.#places.delete(sandboxId);
    await server.unlisten(sandboxId);
    await this.#applier.transition([removal(key(sandboxId))], { vanishing: new Set(place.vanishes ? [place.namespace] : []), onFailure: 'forward' });
  }

  /** The server is gone, and its sockets with it. */
  clear(): void {
    this.#places.clear();
  }

  async #redirect(opened: readonly { readonly sandbox: SandboxRecord; readonly place: Place }[]): Promise<void> {
    if (opened.length === 0) return;
    await this.#applier.transition(opened.map(({ sandbox, place }) => this.#change(sandbox.id, place)), { onFailure: 'back' });
    for (const { sandbox, place } of opened) this.#places.set(sandbox.id, place);
  }

  #change(sandboxId: string, { namespace, ports }: Place): Change {
    return { id: key(sandboxId), wanted: { links: [], facts: [], redirects: [{ namespace, table: this.#table, address: RESOLVER, port: DNS_PORT, ...ports }] } };
  }
}

/** Whether it says that the server answers nobody any more. */
export function isGone({ code }: NetworkError): boolean {
  return code === 'INTERNAL' || code === 'UNAVAILABLE';
}

/** Not the sandbox's own id: that of its endpoints and networks are ids too. */
function key(sandboxId: string): string {
  return `names ${sandboxId}`;
}
