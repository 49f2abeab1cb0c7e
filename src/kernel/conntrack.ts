import { NetworkError } from '../common/error.ts';
import { ERRNO, kernelError } from './errno.ts';
import { CTA, NETFILTER, NETLINK, NLM_F } from './netlink/constants.ts';
import { NetlinkSocket } from './netlink/netlink-socket.ts';
import type { Request } from './netlink/netlink-socket.ts';
import { parseAddress, parsePrefix } from './netlink/parse.ts';
import type { ConntrackFlush } from './op.ts';
import { opWords } from './op-words.ts';
import { SOCKET } from './sys.ts';
import { readSysctl } from './sysctl.ts';

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
 * `conntrack -D …` in the namespace of the calling thread: deletes the flows that match any.
 * One that ends in between is fine, and so is a kernel without connection tracking.
 * @throws {NetworkError} KERNEL, INVALID
 */
export function flushConntrack(op: ConntrackFlush): void {
  const wanted = flowFilter(op);
  // Reading the table, which all namespaces share, takes 5 ms even where it is empty.
  if (readSysctl('net/netfilter/nf_conntrack_count') === '0') return;
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
  const ofAddress = op.address === undefined ? undefined : blockFilter([op.address]);
  const [to, from] = [blockFilter(op.to ?? []), blockFilter(op.from ?? [])];
  const [source, destination] = op.family === 4 ? [CTA.IP_V4_SRC, CTA.IP_V4_DST] : [CTA.IP_V6_SRC, CTA.IP_V6_DST];
  const isNamed = (tuple: Buffer): boolean => {
    if (op.flows.length === 0) return false;
    const ports = attribute(tuple, 0, CTA.TUPLE_PROTO);
    const protocol = attribute(ports, 0, CTA.PROTO_NUM)?.[0];
    return whole.has(protocol) || single.has(portKey(protocol, attribute(ports, 0, CTA.PROTO_DST_PORT)?.readUInt16BE(0)));
  };
  return (payload) => {
    const tuple = attribute(payload, GENERIC_HEADER, CTA.TUPLE_ORIG);
    if (tuple === undefined) return undefined;
    const addresses = attribute(tuple, 0, CTA.TUPLE_IP);
    // Whoever answers is who it was translated to.
    const answering = attribute(attribute(attribute(payload, GENERIC_HEADER, CTA.TUPLE_REPLY), 0, CTA.TUPLE_IP), 0, source);
    const reached = [attribute(addresses, 0, destination), answering];
    const meant = reached.some(to) || from(attribute(addresses, 0, source)) || (isNamed(tuple) && (ofAddress === undefined || reached.some(ofAddress)));
    return meant ? { tuple, id: attribute(payload, GENERIC_HEADER, CTA.ID), zone: attribute(payload, GENERIC_HEADER, CTA.ZONE) } : undefined;
  };
}

/** One attribute of a message or nest, without reading those behind it: a busy host has a hundred thousand flows. */
function attribute(within: Buffer | undefined, offset: number, type: number): Buffer | undefined {
  if (within === undefined) return undefined;
  for (let at = offset; at + NETLINK.ATTRIBUTE_HEADER <= within.length; ) {
    const length = within.readUInt16LE(at);
    if (length < NETLINK.ATTRIBUTE_HEADER || at + length > within.length) return undefined;
    if ((within.readUInt16LE(at + 2) & NETLINK.TYPE_MASK) === type) return within.subarray(at + NETLINK.ATTRIBUTE_HEADER, at + length);
    at += (length + 3) & ~3;
  }
  return undefined;
}

/** Whether an address lies in one of the blocks; a plain address is a block of one. @throws {NetworkError} INVALID */
function blockFilter(blocks: readonly string[]): (address: Buffer | undefined) => boolean {
  const prefixes = blocks.map((block) => (block.includes('/') ? parsePrefix(block) : { ...parseAddress(block), prefix: undefined }));
  const whole = new Set(prefixes.flatMap(({ bytes, prefix = bytes.length * 8 }) => (prefix === bytes.length * 8 ? [bytes.toString('latin1')] : [])));
  const wide = prefixes.filter(({ bytes, prefix = bytes.length * 8 }) => prefix < bytes.length * 8);
  if (prefixes.length === 0) return () => false;
  return (address) => address !== undefined && (whole.has(address.toString('latin1')) || wide.some(({ bytes, prefix = 0 }) => isWithin(address, bytes, prefix)));
}

function isWithin(address: Buffer, block: Buffer, prefix: number): boolean {
  const bytes = prefix >> 3;
  const rest = 0xff00 >> (prefix & 7);
  if (address.length !== block.length || address.compare(block, 0, bytes, 0, bytes) !== 0) return false;
  return (prefix & 7) === 0 || (((address[bytes] ?? 0) ^ (block[bytes] ?? 0)) & rest & 0xff) === 0;
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
