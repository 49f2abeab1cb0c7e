import { closeFile, controlEpoll, makeEpoll, SYS, waitForEpoll } from './sys.ts';

/** struct epoll_event (linux/eventpoll.h): packed on x86-64, so that its data is not aligned there. */
const EVENT = process.arch === 'x64' ? { size: 12, data: 4 } : { size: 16, data: 8 };

/** Somebody who waits for a descriptor. */
export interface Pollable {
  /** It can be read (or written, where that was wanted), or has an error. */
  ready(): void;
}

/**
 * Waits for many descriptors at once (epoll(7), level-triggered: who is not done with one is told again,
 * after all others that are ready). Its own {@link fd} may be waited for by another.
 */
export class Poller implements Disposable {
  /** Readable when somebody is to be told. */
  readonly fd: number = makeEpoll();
  /** By descriptor. Numbers are small and come again, and a Map that changes so fast would keep V8's collector busy. */
  readonly #waiting: (Pollable | undefined)[] = [];
  readonly #events: Buffer;
  readonly #most: number;
  readonly #event = Buffer.alloc(EVENT.size);
  #open = true;

  /** @param most of those that are ready are told by one {@link wait} */
  constructor(most: number) {
    this.#most = most;
    this.#events = Buffer.alloc(most * EVENT.size);
  }

  /** Forgets everybody; their descriptors stay open. */
  [Symbol.dispose](): void {
    if (this.#open) closeFile(this.fd);
    this.#open = false;
    this.#waiting.length = 0;
  }

  /** Tells somebody whenever the descriptor can be read, or has an error. @throws {NetworkError} KERNEL */
  add(fd: number, pollable: Pollable): void {
    this.#control(SYS.EPOLL_CTL_ADD, fd, SYS.EPOLLIN);
    this.#waiting[fd] = pollable;
  }

  /** What is waited for from now on; errors are always told. */
  change(fd: number, wanted: { readonly read: boolean; readonly write: boolean }): void {
    this.#control(SYS.EPOLL_CTL_MOD, fd, (wanted.read ? SYS.EPOLLIN : 0) | (wanted.write ? SYS.EPOLLOUT : 0));
  }

  /** To be called before the descriptor is closed. */
  remove(fd: number): void {
    if (this.#waiting[fd] === undefined) return;
    this.#waiting[fd] = undefined;
    this.#control(SYS.EPOLL_CTL_DEL, fd, 0);
  }

  /**
   * Waits until somebody is to be told something, and tells.
   * @param timeout ms; 0 looks only, -1 is for ever
   */
  wait(timeout: number): void {
    const count = waitForEpoll(this.fd, this.#events, this.#most, timeout);
    for (let index = 0; index < count; index++) {
      // One that was removed a moment ago is not told; a new one under its number may be, for nothing.
      this.#waiting[this.#events.readInt32LE(index * EVENT.size + EVENT.data)]?.ready();
    }
  }

  #control(operation: number, fd: number, events: number): void {
    this.#event.writeUInt32LE(events);
    this.#event.writeInt32LE(fd, EVENT.data);
    controlEpoll(this.fd, operation, fd, this.#event);
  }
}
