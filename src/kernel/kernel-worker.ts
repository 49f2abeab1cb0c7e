import { BlockedThread } from './blocked-thread.ts';
import type { KernelEvent, RawDatagram } from './kernel.ts';
import type { WorkerCalls, WorkerMessage } from './protocol.ts';
import { SlowCloser } from './slow-closer.ts';

/** Beside this file, whether it is the source or its compiled form. */
const WORKER_FILE = new URL(`./worker${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`, import.meta.url);

/** The main thread's end of the channel to one kernel worker. A worker that crashed is not revived: make another. */
export class KernelWorker {
  readonly #thread: BlockedThread<WorkerCalls, WorkerMessage>;
  readonly #closer = new SlowCloser();
  #nftables = false;

  /**
   * @param onEvent what changed in the kernel
   * @param onDatagram what came to a raw socket, by its number
   * @param file another worker program, for tests
   */
  constructor(onEvent: (event: KernelEvent) => void, onDatagram: (id: number, datagram: RawDatagram) => void, file: URL = WORKER_FILE) {
    this.#thread = new BlockedThread({
      name: 'kernel',
      file,
      onNews: (news) => {
        if (news.kind === 'event') onEvent(news.event);
        else if (news.kind === 'datagram') onDatagram(news.id, news.datagram);
        else if (news.kind === 'close') this.#closer.close(news.fd);
        else this.#nftables = news.nftables;
      },
    });
  }

  /** false once it has ended or crashed. */
  get alive(): boolean {
    return this.#thread.alive;
  }

  /** Resolves when it takes requests: whether it has libnftables. @throws {NetworkError} INTERNAL when it could not start */
  async ready(): Promise<boolean> {
    await this.#thread.ready();
    return this.#nftables;
  }

  /** Ends the thread when it has done what it was asked before. */
  async close(): Promise<void> {
    return this.#thread.close();
  }

  /** Sends a request; they are carried out in the order of these calls. Wait for {@link ready} first. */
  async call<Name extends keyof WorkerCalls>(name: Name, args: WorkerCalls[Name]['arguments']): Promise<WorkerCalls[Name]['result']> {
    return this.#thread.call(name, args);
  }
}
