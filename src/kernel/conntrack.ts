import { NetworkError } from '../common/error.ts';
import { ERRNO, kernelError } from './errno.ts';
import { CTA, NETFILTER, NETLINK, NLM_F } from './netlink/constants.ts';
import { Attributes } from './netlink/message-reader.ts';
import { NetlinkSocket } from './netlink/netlink-socket.ts';
import type { Request } from './netlink/netlink-socket.ts';
import { parseAddress } from './netlink/parse.ts';
import type { ConntrackFlush } from './op.ts';
import { opWords } from './op-words.ts';
import { SOCKET } from './sys.ts';

const PROTOCOLS = { tcp: SOCKET.IPPROTO_TCP, udp: SOCKET.IPPROTO_UDP, sctp: SOCKET.IPPROTO_SCTP } as const;

/** struct nfgenmsg */
const GENERIC_HEADER = 4;
const LONGEST_SEND = 256;

/** One flow, as its deletion wants it. */
export interface Flow {
  /** CTA_TUPLE_ORIG as it came. */
  readonly tuple: Buffer;
  readonly id: Buffer | undefined;
  readonly zone: Buffer | undefined;
}

/**
 * `conntrack -D -p PROTOCOL …` in the namespace of the calling thread: deletes the flows that match any.
 * One that ends in between is fine, and so is a kernel without connection tracking.
 * @throws {NetworkError} KERNEL, INVALID
 */
export function flushConntrack(op: ConntrackFlush): void {
  const wanted = flowFilter(op);
  using socket = new NetlinkSocket(NETLINK.NETFILTER);
  let flows: Flow[];
  try {
    flows = socket.dump(listFlows(op.family), opWords(op)).flatMap(({ payload }) => wanted(payload) ?? []);
  } catch (error) {
    // nf_conntrack_netlink is not there: then nothing tracks by this interface either.
    if (error instanceof NetworkError && error.kernel?.errno === ERRNO.EINVAL) return;
    throw error;
  }
  for (let i = 0; i < flows.length; i += LONGEST_SEND) {
    const answers = socket.transact(flows.slice(i, i + LONGEST_SEND).map((flow) => deleteFlow(op.family, flow)));
    const refused = answers.find(({ refusal }) => refusal !== undefined && refusal.errno !== ERRNO.ENOENT)?.refusal;
    if (refused !== undefined) throw kernelError(refused.errno, opWords(op), refused.text);
  }
}

/** Tells from a dumped flow whether the operation means it. @throws {NetworkError} INVALID */
function flowFilter(op: ConntrackFlush): (payload: Buffer) => Flow | undefined {
  const whole = new Set<number | undefined>(op.flows.flatMap(({ protocol, originalPort }) => (originalPort === undefined ? [PROTOCOLS[protocol]] : [])));
  const single = new Set(op.flows.flatMap(({ protocol, originalPort }) => (originalPort === undefined ? [] : [portKey(PROTOCOLS[protocol], originalPort)])));
  const address = op.address === undefined ? undefined : parseAddress(op.address).bytes;
  const [source, destination] = op.family === 4 ? [CTA.IP_V4_SRC, CTA.IP_V4_DST] : [CTA.IP_V6_SRC, CTA.IP_V6_DST];
  return (payload) => {
    const flow = new Attributes(payload, GENERIC_HEADER);
    const tuple = flow.bytes(CTA.TUPLE_ORIG);
    if (tuple === undefined) return undefined;
    const original = new Attributes(tuple);
    const ports = original.nest(CTA.TUPLE_PROTO);
    const protocol = ports?.u8(CTA.PROTO_NUM);
    if (!whole.has(protocol) && !single.has(portKey(protocol, ports?.u16BigEndian(CTA.PROTO_DST_PORT)))) return undefined;
    if (address !== undefined) {
      const dialled = original.nest(CTA.TUPLE_IP)?.bytes(destination);
      // Whoever answers is who it was translated to.
      const answering = flow.nest(CTA.TUPLE_REPLY)?.nest(CTA.TUPLE_IP)?.bytes(source);
      if (dialled?.equals(address) !== true && answering?.equals(address) !== true) return undefined;
    }
    return { tuple, id: flow.bytes(CTA.ID), zone: flow.bytes(CTA.ZONE) };
  };
}

/** Protocol and port as one number; an icmp flow has no port. */
function portKey(protocol: number | undefined, port: number | undefined): number {
  return protocol === undefined || port === undefined ? -1 : (protocol << 16) | port;
}

function listFlows(family: 4 | 6): Request {
  return (writer, sequence) => void writer.begin(conntrack(NETFILTER.CT_GET), NLM_F.DUMP, sequence).raw(genericHeader(family));
}

function deleteFlow(family: 4 | 6, flow: Flow): Request {
  return (writer, sequence) => {
    writer.begin(conntrack(NETFILTER.CT_DELETE), NLM_F.ACK, sequence).raw(genericHeader(family));
    writer.bytes(CTA.TUPLE_ORIG | NETLINK.NESTED, flow.tuple);
    // The id keeps a flow that took its place since from being deleted for it.
    if (flow.id !== undefined) writer.bytes(CTA.ID, flow.id);
    if (flow.zone !== undefined) writer.bytes(CTA.ZONE, flow.zone);
  };
}

const conntrack = (type: number): number => (NETFILTER.SUBSYS_CTNETLINK << 8) | type;

const genericHeader = (family: 4 | 6): Buffer => Buffer.from([family === 4 ? SOCKET.AF_INET : SOCKET.AF_INET6, 0, 0, 0]);
