import { BATCH, type DatagramBatch } from '../kernel/datagram-batch.ts';
import type { Pollable, Poller } from '../kernel/poller.ts';
import { closeFile, trySendTo } from '../kernel/sys.ts';
import type { AskerState } from './asker-state.ts';
import type { Source } from './forwarder.ts';
import { UDP_SIZE } from './protocol.ts';
import type { Responder } from './responder.ts';
import type { Route } from './waiter.ts';

/** Queries that are taken at once while questions have to be asked outside, which costs ten times as much. */
const SMALL_BATCH = 4;

/** What all UDP listeners share. */
export interface UdpTools {
  readonly poller: Poller;
  readonly batch: DatagramBatch;
  readonly responder: Responder;
  readonly now: () => number;
}

/** Who asks from a raw socket address (struct sockaddr_in, sockaddr_in6). */
export type AskerOf = (sender: Buffer) => AskerState;

/**
 * Answers what comes to one UDP socket, one batch at a time: between two of its batches everybody
 * else has a turn, so that a flood costs the others the time of a batch and no more.
 */
export class UdpListener implements Disposable, Pollable, Source {
  readonly #tools: UdpTools;
  readonly #fd: number;
  readonly #askerOf: AskerOf;
  /** Who asks, by slot. */
  readonly #askers: AskerState[] = [];
  #most = BATCH;
  #slot = 0;
  #forwards = 0;
  #open = true;

  /** @param fd bound, not blocking; closed with this */
  constructor(tools: UdpTools, fd: number, askerOf: AskerOf) {
    this.#tools = tools;
    this.#fd = fd;
    this.#askerOf = askerOf;
    tools.poller.add(fd, this);
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.#tools.poller.remove(this.#fd);
    closeFile(this.#fd);
  }

  /** The way back for the query that is being answered. */
  route(): Route {
    const { batch } = this.#tools;
    const to = Buffer.from(batch.sender(this.#slot));
    const length = batch.senderLength(this.#slot);
    this.#forwards++;
    return { send: (answer) => this.#open && trySendTo(this.#fd, answer, answer.length, to, length) >= 0 };
  }

  /** Answers a batch. */
  ready(): void {
    const { batch, responder, now } = this.#tools;
    const count = batch.receive(this.#fd, this.#most);
    const received = now();
    this.#forwards = 0;
    let first = 0;
    for (let slot = 0; slot < count; slot++) {
      this.#slot = slot;
      const state = this.#askerOf(batch.sender(slot));
      this.#askers[slot] = state;
      const start = batch.start(slot);
      const length = responder.respond(state, batch.input, start, start + batch.length(slot), batch.output(slot), UDP_SIZE.PLAIN, this);
      batch.setAnswer(slot, length);
      if (length > 0) continue;
      this.#send(first, slot, received);
      first = slot + 1;
    }
    this.#send(first, count, received);
    this.#most = this.#forwards > 0 ? SMALL_BATCH : Math.min(BATCH, this.#most * 2);
  }

  #send(first: number, end: number, received: number): void {
    if (first >= end) return;
    const { batch, now } = this.#tools;
    const lost = end - first - batch.send(this.#fd, first, end);
    const took = now() - received;
    for (let slot = first; slot < end; slot++) this.#askers[slot]?.counters.took(took);
    const asker = this.#askers[first];
    if (lost > 0 && asker !== undefined) asker.counters.dropped += lost;
  }
}
