/** A name server that answers as a test says. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { decode, encode } from 'dns-packet';
import type { Answer, DecodedPacket, Packet } from 'dns-packet';
import { StreamMessages } from '../../src/dns/stream-messages.ts';
import { frame } from './dns-client.ts';

/** One question that came. */
export interface Question {
  readonly name: string;
  readonly type: string;
  readonly transport: 'udp' | 'tcp';
  /** Port that it came from. */
  readonly port: number;
  readonly packet: DecodedPacket;
  /** An answer to it: records and what else is to be different. */
  reply(answers: readonly Answer[], more?: Partial<Packet>): Buffer;
}

/** What is sent back at once; nothing when undefined. */
export type Script = (question: Question) => Reply | Promise<Reply>;

type Reply = Buffer | readonly Buffer[] | undefined;

/** Records of addresses. */
export function addresses(name: string, data: readonly string[], ttl = 60): Answer[] {
  return data.map((address) => ({ name, type: 'A', ttl, data: address }));
}

/** Listens at port 53 of an address, by UDP and TCP, in the namespace of the test process. */
export class Upstream implements AsyncDisposable {
  readonly asked: Question[] = [];
  readonly #close: () => Promise<void>;

  private constructor(asked: Question[], close: () => Promise<void>) {
    this.asked = asked;
    this.#close = close;
  }

  static async start(address: string, script: Script): Promise<Upstream> {
    const asked: Question[] = [];
    const take = async (bytes: Buffer, transport: 'udp' | 'tcp', port: number, send: (answer: Buffer) => void): Promise<void> => {
      const question = questionOf(bytes, transport, port);
      asked.push(question);
      for (const answer of [await script(question)].flat()) if (answer !== undefined) send(answer);
    };
    const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    udp.on('message', (bytes, from) => void take(bytes, 'udp', from.port, (answer) => udp.send(answer, from.port, from.address)));
    const open = new Set<Socket>();
    const tcp = createServer((socket) => {
      open.add(socket);
      const cutter = new StreamMessages(65_535);
      socket.on('error', () => {});
      socket.on('data', (data) => void cutter.push(data, data.length, (bytes, start, end) => void take(Buffer.from(bytes.slice(start, end)), 'tcp', socket.remotePort ?? 0, (answer) => void socket.write(frame(answer)))));
    });
    udp.bind(53, address);
    tcp.listen(53, address);
    await Promise.all([once(udp, 'listening'), once(tcp, 'listening')]);
    return new Upstream(asked, async () => {
      udp.close();
      for (const socket of open) socket.destroy();
      tcp.close();
      await once(tcp, 'close');
    });
  }

  /** Questions for a name. */
  count(name: string): number {
    return this.asked.filter((question) => question.name === name).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}

function questionOf(bytes: Buffer, transport: 'udp' | 'tcp', port: number): Question {
  const packet = decode(bytes);
  const [asked] = packet.questions ?? [];
  const { name = '', type = 'A' } = asked ?? {};
  return {
    name,
    type,
    transport,
    port,
    packet,
    reply: (answers, more = {}) => encode({ type: 'response', id: packet.id ?? 0, flags: 0x0180, questions: packet.questions ?? [], answers: [...answers], ...more }),
  };
}
