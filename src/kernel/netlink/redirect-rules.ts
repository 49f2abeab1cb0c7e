import type { RedirectState } from '../redirect.ts';
import type { MessageWriter } from './message-writer.ts';
import { parseAddress } from './parse.ts';

/** linux/netfilter/nf_tables.h: attributes of a rule's expressions */
export const EXPRESSION = {
  LIST_ELEM: 1, NAME: 1, DATA: 2, DATA_VALUE: 1,
  META_DREG: 1, META_KEY: 2,
  CMP_SREG: 1, CMP_OP: 2, CMP_DATA: 3,
  IMMEDIATE_DREG: 1, IMMEDIATE_DATA: 2,
  PAYLOAD_DREG: 1, PAYLOAD_BASE: 2, PAYLOAD_OFFSET: 3, PAYLOAD_LEN: 4, PAYLOAD_SREG: 5, PAYLOAD_CSUM_TYPE: 6, PAYLOAD_CSUM_OFFSET: 7, PAYLOAD_CSUM_FLAGS: 8,
} as const;

/** linux/netfilter/nf_tables.h, linux/if_ether.h */
const REGISTER = 1;
const META = { PROTOCOL: 1, L4PROTO: 16 } as const;
const BASE = { NETWORK: 1, TRANSPORT: 2 } as const;
const CMP_EQ = 0;
const CSUM_INET = 1;
const ETH_P_IP = 0x0800;

/** RFC 791 §3.1, RFC 768, RFC 9293 §3.1: where addresses, ports and checksums stand, bytes. */
const ADDRESS_AT = { source: 12, destination: 16 } as const;
const PORT_AT = { source: 0, destination: 2 } as const;
const PROTOCOLS = { udp: { number: 17, checksumAt: 6 }, tcp: { number: 6, checksumAt: 16 } } as const;

/** One expression of a rule: its name and its attributes. */
type Expression = readonly [name: string, attributes: (writer: MessageWriter) => void];

/** The rules of {@link redirectScript} in its order, each as what writes its expressions into the open attribute. */
export function redirectRules({ address, port, udp, tcp }: RedirectState): ((writer: MessageWriter) => void)[] {
  const { bytes } = parseAddress(address);
  return ([['udp', udp], ['tcp', tcp]] as const).flatMap(([protocol, real]) => [
    rule(protocol, 'destination', bytes, port, real),
    rule(protocol, 'source', bytes, real, port),
  ]);
}

function rule(protocol: keyof typeof PROTOCOLS, side: 'source' | 'destination', address: Uint8Array, from: number, to: number): (writer: MessageWriter) => void {
  const { number, checksumAt } = PROTOCOLS[protocol];
  const expressions: readonly Expression[] = [
    meta(META.PROTOCOL),
    isEqual(be16(ETH_P_IP)),
    load(BASE.NETWORK, ADDRESS_AT[side], address.length),
    isEqual(address),
    meta(META.L4PROTO),
    isEqual(Uint8Array.of(number)),
    load(BASE.TRANSPORT, PORT_AT[side], 2),
    isEqual(be16(from)),
    ['immediate', (writer) => void writer.bytes(EXPRESSION.IMMEDIATE_DREG, be32(REGISTER)).nest(EXPRESSION.IMMEDIATE_DATA, () => writer.bytes(EXPRESSION.DATA_VALUE, be16(to)))],
    [
      'payload',
      (writer) => {
        place(writer.bytes(EXPRESSION.PAYLOAD_SREG, be32(REGISTER)), BASE.TRANSPORT, PORT_AT[side], 2);
        writer.bytes(EXPRESSION.PAYLOAD_CSUM_TYPE, be32(CSUM_INET)).bytes(EXPRESSION.PAYLOAD_CSUM_OFFSET, be32(checksumAt)).bytes(EXPRESSION.PAYLOAD_CSUM_FLAGS, be32(0));
      },
    ],
  ];
  return (writer) => {
    for (const [name, attributes] of expressions) {
      writer.nest(EXPRESSION.LIST_ELEM, () => writer.text(EXPRESSION.NAME, name).nest(EXPRESSION.DATA, () => attributes(writer)));
    }
  };
}

function meta(key: number): Expression {
  return ['meta', (writer) => void writer.bytes(EXPRESSION.META_KEY, be32(key)).bytes(EXPRESSION.META_DREG, be32(REGISTER))];
}

function isEqual(value: Uint8Array): Expression {
  return ['cmp', (writer) => void writer.bytes(EXPRESSION.CMP_SREG, be32(REGISTER)).bytes(EXPRESSION.CMP_OP, be32(CMP_EQ)).nest(EXPRESSION.CMP_DATA, () => writer.bytes(EXPRESSION.DATA_VALUE, value))];
}

function load(base: number, offset: number, length: number): Expression {
  return ['payload', (writer) => place(writer.bytes(EXPRESSION.PAYLOAD_DREG, be32(REGISTER)), base, offset, length)];
}

function place(writer: MessageWriter, base: number, offset: number, length: number): void {
  writer.bytes(EXPRESSION.PAYLOAD_BASE, be32(base)).bytes(EXPRESSION.PAYLOAD_OFFSET, be32(offset)).bytes(EXPRESSION.PAYLOAD_LEN, be32(length));
}

function be16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

/** A number in network order, as nf_tables wants all of its own. */
export function be32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff);
}
