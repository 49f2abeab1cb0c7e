import type { DhcpLease } from '../ipam/dhcp/lease.ts';
import { decodeDhcp6, encodeDhcp6, type Dhcp6Message } from '../ipam/dhcp/message-v6.ts';
import { decodeDhcp, encodeDhcp, type DhcpMessage } from '../ipam/dhcp/message.ts';
import { DHCP6_PORT } from '../ipam/dhcp/protocol-v6.ts';
import { DHCP_PORT } from '../ipam/dhcp/protocol.ts';
import type { LeaseStep, Speaker, SpeakerStep } from '../ipam/dhcp/speaker.ts';
import type { Kernel, RawDatagram, RawUdp } from '../kernel/kernel.ts';
import type { NamespacePath } from '../kernel/op.ts';
import type { Clock } from './context.ts';

/** How one of the two protocols travels. */
interface Wire<Message> {
  readonly family: 4 | 6;
  readonly port: { readonly CLIENT: number; readonly SERVER: number };
  readonly encode: (message: Message) => Uint8Array;
  readonly decode: (datagram: Uint8Array) => Message | undefined;
}

/** DHCP for IPv4. */
export const WIRE4: Wire<DhcpMessage> = { family: 4, port: DHCP_PORT, encode: encodeDhcp, decode: decodeDhcp };
/** DHCP for IPv6. */
export const WIRE6: Wire<Dhcp6Message> = { family: 6, port: DHCP6_PORT, encode: encodeDhcp6, decode: decodeDhcp6 };

/** What a {@link DhcpSession} works with. */
export interface SessionParts<Message> {
  readonly client: Speaker<Message>;
  readonly wire: Wire<Message>;
  readonly kernel: Pick<Kernel, 'rawUdp'>;
  readonly now: Clock;
  /** The link by which it speaks. */
  readonly place: { readonly namespace: NamespacePath; readonly link: string };
  /** Is told of everything but datagrams. */
  readonly heed: (step: LeaseStep) => void;
}

/** The longest that a timer of Node waits, ms. */
const LONGEST_TIMER = 0x7fff_ffff;

/**
 * A DHCP client at work: its datagrams leave by a link, its appointments are kept. A socket is open
 * only while an answer is waited for: several hundred endpoints that have their lease hold none.
 */
export class DhcpSession<Message> implements Disposable {
  readonly #parts: SessionParts<Message>;
  #socket: RawUdp | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** What became of datagrams on their way out. */
  #sending: Promise<void> = Promise.resolve();
  #problem: string | undefined;
  #declined: string | undefined;

  constructor(parts: SessionParts<Message>) {
    this.#parts = parts;
  }

  /** Nothing is sent any more; the lease stays. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#socket?.[Symbol.dispose]();
    this.#socket = undefined;
  }

  /** Why the last datagram could not leave; else why an address was not taken, or what the server answered instead of one. */
  get problem(): string | undefined {
    return this.#problem ?? this.#declined ?? this.#parts.client.refusal;
  }

  /** What is waited for, in words. */
  get waitsFor(): string {
    return this.#parts.client.waitsFor;
  }

  /** Begins, after so many ms. */
  start(lease: DhcpLease | undefined, delay: number): void {
    const begin = (): void => this.#carryOut(this.#parts.client.start(this.#parts.now(), lease));
    if (delay <= 0) begin();
    else this.#timer = setTimeout(begin, delay).unref();
  }

  /** Gives the address back; resolves when the server has been sent word. */
  async release(): Promise<void> {
    this.#carryOut(this.#parts.client.release(this.#parts.now()));
    const sending = this.#sending;
    await sending;
    this[Symbol.dispose]();
  }

  /** Somebody else has the address. @param why in words */
  decline(why: string): void {
    this.#declined = why;
    this.#carryOut(this.#parts.client.decline(this.#parts.now()));
  }

  #hear({ mac, payload }: RawDatagram): void {
    const message = this.#parts.wire.decode(payload);
    if (message !== undefined) this.#carryOut(this.#parts.client.receive(message, mac, this.#parts.now()));
  }

  #carryOut(steps: readonly SpeakerStep<Message>[]): void {
    for (const step of steps) {
      if (step.step === 'send') this.#send(step);
      else this.#parts.heed(step);
    }
    this.#arm();
  }

  #send({ message, from, to, mac }: Extract<SpeakerStep<Message>, { step: 'send' }>): void {
    const { kernel, place, wire } = this.#parts;
    this.#socket ??= kernel.rawUdp({ ...place, family: wire.family, port: wire.port.CLIENT }, (datagram) => this.#hear(datagram));
    const sent = this.#socket.send(wire.encode(message), { from, to, toPort: wire.port.SERVER, ...(mac === undefined ? {} : { mac }) });
    // It is sent again when its time comes.
    this.#sending = sent.then(
      () => void (this.#problem = undefined),
      (error: unknown) => void (this.#problem = error instanceof Error ? error.message : String(error)),
    );
  }

  #arm(): void {
    const { client, now } = this.#parts;
    clearTimeout(this.#timer);
    const { due } = client;
    if (due !== undefined) {
      const wake = (): void => this.#carryOut(client.wake(now()));
      this.#timer = setTimeout(wake, Math.min(Math.max(due - now(), 0), LONGEST_TIMER)).unref();
    }
    if (client.isAsking) return;
    const socket = this.#socket;
    this.#socket = undefined;
    // What was sent last may have to open it first.
    void this.#sending.then(() => socket?.[Symbol.dispose]());
  }
}
