/** A question asked by hand, as somebody inside would ask it. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { NetworkError } from '../common/error.ts';
import type { Asker } from '../dns/names.ts';
import { decodeReply, encodeQuestion, type DnsReply } from '../dns/query-message.ts';
import { HOST } from '../kernel/op.ts';
import { newId, type Context } from './context.ts';
import { sandboxAsker } from './naming.ts';
import { RESOLVER } from './sandbox-files.ts';

/** A question. */
export interface NameQuery {
  /** A name, or an address, which is asked for its name. */
  readonly name: string;
  /** Default A, for an address PTR. */
  readonly type?: string;
  /** As this sandbox sees the world; by name or id. */
  readonly sandbox?: string;
  /** As a member of this network. Default: as somebody who is on all of them. */
  readonly network?: string;
}

/** What came back. */
export interface NameAnswer extends DnsReply {
  /** ms from the question to the answer. */
  readonly milliseconds: number;
  readonly transport: 'udp' | 'tcp';
}

/** ms after which resolvers give up, having asked two servers twice. */
const PATIENCE = 20_000;

/**
 * Asks the name server through sockets that are opened for this one question, in the host's namespace.
 * @throws {NetworkError} INVALID, NOT_FOUND, UNAVAILABLE when no answer comes, ABORTED
 */
export async function askName(context: Context, query: NameQuery, signal?: AbortSignal): Promise<NameAnswer> {
  const id = newId(context);
  const [first = 0, second = 0] = context.random(2);
  const question = encodeQuestion((first << 8) | second, query.name, query.type);
  const seen = askerOf(context, query);
  const asker = { ...seen, id, sharesAnswersOf: seen.id };
  const server = await context.names.server();
  try {
    const [, { udp, tcp }] = await Promise.all([server.update([{ change: 'set-asker', asker }]), server.listen(id, HOST)]);
    const limit = AbortSignal.any([AbortSignal.timeout(PATIENCE), ...(signal === undefined ? [] : [signal])]);
    const begun = performance.now();
    const byUdp = decodeReply(await overUdp(udp, question, limit));
    const isCut = byUdp.flags.includes('tc');
    const reply = isCut ? decodeReply(await overTcp(tcp, question, limit)) : byUdp;
    return { ...reply, milliseconds: performance.now() - begun, transport: isCut ? 'tcp' : 'udp' };
  } catch (error) {
    if (signal?.aborted !== true && error instanceof Error && error.name === 'AbortError') throw new NetworkError('UNAVAILABLE', `no answer within ${PATIENCE / 1000} s`, { cause: error });
    throw error;
  } finally {
    await server.unlisten(id);
    await server.update([{ change: 'remove-asker', id }]);
  }
}

function askerOf({ ledger }: Context, { sandbox, network }: NameQuery): Asker {
  if (sandbox !== undefined && network !== undefined) throw new NetworkError('INVALID', 'a question is asked as a sandbox or as a member of a network, not both');
  if (sandbox !== undefined) return sandboxAsker(ledger, ledger.sandbox(sandbox));
  const networks = network === undefined ? [...ledger.networks.values()] : [ledger.network(network)];
  return {
    id: '',
    networks: networks.map(({ record }) => record.id),
    aliases: [],
    extraHosts: [],
    servers: [],
    namespace: HOST,
    mayUseHostServers: network === undefined || networks.some(({ record }) => !record.internal),
    search: [],
    ndots: undefined,
  };
}

async function overUdp(port: number, question: Uint8Array, signal: AbortSignal): Promise<Buffer> {
  const socket = createSocket('udp4');
  try {
    socket.send(question, port, RESOLVER);
    const [answer] = (await once(socket, 'message', { signal })) as [Buffer];
    return answer;
  } finally {
    socket.close();
  }
}

/** RFC 1035 §4.2.2: two bytes of length, then the message. */
async function overTcp(port: number, question: Uint8Array, signal: AbortSignal): Promise<Buffer> {
  const socket = createConnection({ host: RESOLVER, port, signal });
  socket.write(Buffer.concat([Uint8Array.of(question.length >> 8, question.length & 0xff), question]));
  let received = Buffer.alloc(0);
  // Leaving the loop closes it.
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    received = Buffer.concat([received, chunk]);
    if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) return received.subarray(2, 2 + received.readUInt16BE(0));
  }
  throw new NetworkError('UNAVAILABLE', 'the name server closed the connection before its answer was complete');
}
