import { NetworkError } from '../../common/error.ts';
import type { NftElementChange, NftField } from '../firewall-command.ts';
import { NETFILTER, NFTA, NLM_F } from './constants.ts';
import type { Request } from './netlink-socket.ts';
import { parseAddress } from './parse.ts';

const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };
/** linux/netfilter.h: NFPROTO_* */
const FAMILIES = { inet: 1, bridge: 7 } as const;

/** An attribute holds 64 KiB; an element takes up to 100 bytes. */
const MOST_ELEMENTS = 500;

/** NFNL_MSG_BATCH_BEGIN and _END: what stands between them happens as a whole or not at all. */
export function batchBoundary(side: 'begin' | 'end'): Request {
  const type = side === 'begin' ? NETFILTER.BATCH_BEGIN : NETFILTER.BATCH_END;
  return (writer, sequence) => void writer.begin(type, 0, sequence).raw(header(0, NETFILTER.SUBSYS_NFTABLES));
}

/** NFT_MSG_NEWSETELEM and NFT_MSG_DELSETELEM, the fewest that keep the order. @throws {NetworkError} INVALID */
export function changeElements(changes: readonly NftElementChange[]): Request[] {
  const requests: Request[] = [];
  for (let from = 0; from < changes.length; ) {
    let to = from + 1;
    while (to < changes.length && to - from < MOST_ELEMENTS && sameSet(changes[from], changes[to])) to += 1;
    requests.push(changeSet(changes.slice(from, to).map((change) => ({ change, key: encode(change.key), data: change.data === undefined ? undefined : encode(change.data) }))));
    from = to;
  }
  return requests;
}

function sameSet(a: NftElementChange | undefined, b: NftElementChange | undefined): boolean {
  return a?.change === b?.change && a?.family === b?.family && a?.table === b?.table && a?.set === b?.set;
}

interface Encoded {
  readonly change: NftElementChange;
  readonly key: Buffer;
  readonly data: Buffer | undefined;
}

function changeSet(elements: readonly Encoded[]): Request {
  return (writer, sequence) => {
    const change = elements[0]?.change;
    if (change === undefined) return;
    const adds = change.change === 'add';
    const type = (NETFILTER.SUBSYS_NFTABLES << 8) | (adds ? NETFILTER.NFT_NEWSETELEM : NETFILTER.NFT_DELSETELEM);
    writer.begin(type, NLM_F.ACK | (adds ? NLM_F.CREATE : 0), sequence).raw(header(FAMILIES[change.family], 0));
    writer.text(NFTA.LIST_TABLE, change.table).text(NFTA.LIST_SET, change.set);
    writer.nest(NFTA.LIST_ELEMENTS, () => {
      for (const { key, data } of elements) {
        writer.nest(NFTA.LIST_ELEM, () => {
          writer.nest(NFTA.ELEM_KEY, () => writer.bytes(NFTA.DATA_VALUE, key));
          if (adds && data !== undefined) writer.nest(NFTA.ELEM_DATA, () => writer.bytes(NFTA.DATA_VALUE, data));
        });
      }
    });
  };
}

/** struct nfgenmsg */
function header(family: number, resource: number): Uint8Array {
  return Uint8Array.of(family, 0, resource >> 8, resource & 0xff);
}

/** A concatenation: each field padded to a multiple of 4 bytes (net/netfilter/nf_tables_api.c: NFT_REG32_SIZE). */
function encode(fields: readonly NftField[]): Buffer {
  return Buffer.concat(fields.map(encodeField));
}

function encodeField({ type, value }: NftField): Buffer {
  const bytes = Buffer.alloc(4);
  switch (type) {
    case 'inet_proto':
      bytes[0] = known(PROTOCOLS[value], type, value);
      return bytes;
    case 'inet_service': {
      const port = /^\d{1,5}$/u.test(value) ? Number(value) : undefined;
      bytes.writeUInt16BE(known(port !== undefined && port < 65_536 ? port : undefined, type, value));
      return bytes;
    }
    default: {
      const address = parseAddress(value).bytes;
      if (address.length !== (type === 'ipv4_addr' ? 4 : 16)) known(undefined, type, value);
      return address;
    }
  }
}

function known(number: number | undefined, type: string, value: string): number {
  if (number === undefined) throw new NetworkError('INVALID', `'${value}' is no ${type} of a packet filter's map`);
  return number;
}
