import type { KernelEvent } from '../kernel.ts';
import type { Op } from '../op.ts';
import { HostWatch } from './host-watch.ts';
import { NftWatch } from './nft-watch.ts';
import type { OwnProgram } from './nft-watch.ts';
import { OwnChanges } from './own-changes.ts';

/** What we are doing ourselves right now. */
interface Own {
  readonly changes: OwnChanges;
  readonly program: OwnProgram;
}

/** Listens to the host's links, routes and packet filter and reports what others do to them. */
export class Watcher implements Disposable {
  readonly #host = new HostWatch();
  readonly #nft = new NftWatch();
  readonly #report: (event: KernelEvent) => void;
  #own: Own | undefined;

  constructor(report: (event: KernelEvent) => void) {
    this.#report = report;
  }

  get fds(): readonly number[] {
    return [this.#host.fd, this.#nft.fd];
  }

  [Symbol.dispose](): void {
    this.#host[Symbol.dispose]();
    this.#nft[Symbol.dispose]();
  }

  /** Reports what has come. */
  read(): void {
    for (const event of this.#host.read(this.#own?.changes)) this.#report(event);
    for (const event of this.#nft.read(this.#own?.program)) this.#report(event);
  }

  /** From now until {@link end} these operations are carried out, by a program of that name. */
  begin(ops: readonly Op[], program: OwnProgram): void {
    this.read();
    this.#own = { changes: new OwnChanges(ops), program };
    this.#host.begin(this.#own.changes);
  }

  /** We are about to drop this namespace, and with it the links whose other end stands there. */
  leave(namespaceFd: number): void {
    this.#host.leave(namespaceFd);
  }

  /** They are done. @param processId of the program, if it was not known before */
  end(processId?: number): void {
    if (this.#own === undefined) return;
    const { program } = this.#own;
    program.processId ??= processId;
    this.read();
    this.#own = undefined;
    for (const event of this.#nft.settle(program)) this.#report(event);
  }
}
