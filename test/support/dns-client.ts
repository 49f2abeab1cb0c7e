/** Asks name servers, from the namespace of the test process. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { decode, type DecodedPacket } from 'dns-packet';
import { StreamMessages } from '../../src/dns/stream-messages.ts';
import { question, short, type Extras, type Type } from './dns-questions.ts';

/** Where the server under test listens. */
export const RESOLVER = '127.0.0.11';

/** How long an answer is waited for, ms. */
const PATIENCE = 3000;

/** Whom to ask, and how long to wait for an answer. */
export interface Where {
  /** {@link RESOLVER} unless told. */
  readonly address?: string;
  readonly timeoutMs?: number;
}

/** Sends bytes by UDP; what comes back, undefined when nothing does. */
export async function exchange(port: number, bytes: Uint8Array, { address = RESOLVER, timeoutMs = PATIENCE }: Where = {}): Promise<Buffer | undefined> {
  const socket = createSocket('udp4');
  const timer = setTimeout(() => socket.close(), timeoutMs);
  try {
    const answer = Promise.race([once(socket, 'message') as Promise<[Buffer]>, once(socket, 'close').then(() => [undefined] as const)]);
    socket.send(bytes, port, address);
    const [message] = await answer;
    if (message !== undefined) socket.close();
    return message;
  } finally {
    clearTimeout(timer);
  }
}

/** The answer to a question asked by UDP. @throws Error when there is none */
export async function ask(port: number, name: string, type: Type = 'A', extras: Extras & Where = {}): Promise<DecodedPacket> {
  const answer = await exchange(port, question(name, type, extras), extras);
  if (answer === undefined) throw new Error(`${name} ${type}: no answer`);
  return decode(answer);
}

/** The same in short: response code and data. */
export async function look(port: number, name: string, type: Type = 'A', extras: Extras & Where = {}): Promise<readonly string[]> {
  return short(await ask(port, name, type, extras));
}

/** One TCP connection to a name server. */
export class DnsStream implements Disposable {
  readonly socket: Socket;
  readonly messages: Buffer[] = [];
  /** Settles when the other side has closed. */
  readonly closed: Promise<unknown>;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('end', resolve).once('close', resolve));
    const cutter = new StreamMessages(65_535);
    socket.on('data', (data) => {
      cutter.push(data, data.length, (bytes, start, end) => this.messages.push(Buffer.from(bytes.slice(start, end))));
      this.#wake();
    });
    socket.on('error', () => {});
    void this.closed.then(() => this.#wake());
  }

  static async open(port: number, address: string = RESOLVER): Promise<DnsStream> {
    const socket = connect({ port, host: address, allowHalfOpen: true });
    await once(socket, 'connect');
    return new DnsStream(socket);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  /** Sends a message behind its length. */
  send(message: Uint8Array): void {
    this.socket.write(frame(message));
  }

  /** Resolves when so many messages have come, or the connection is closed. */
  async received(count: number): Promise<readonly DecodedPacket[]> {
    while (this.messages.length < count && !this.socket.destroyed && !this.socket.readableEnded) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.messages.map((message) => decode(message));
  }
}

/** A message as TCP carries it. */
export function frame(message: Uint8Array): Uint8Array {
  return Uint8Array.from([message.length >> 8, message.length & 255, ...message]);
}
