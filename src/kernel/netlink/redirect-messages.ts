import { checked, REDIRECT_CHAIN, type RedirectState } from '../redirect.ts';
import { NETFILTER, NETLINK, NLM_F } from './constants.ts';
import { Attributes } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import type { Request } from './netlink-socket.ts';
import { be32, EXPRESSION, redirectRules } from './redirect-rules.ts';

/** linux/netfilter/nf_tables.h: messages; linux/netlink.h: NLM_F_APPEND */
const MESSAGE = { NEWTABLE: 0, GETTABLE: 1, DELTABLE: 2, NEWCHAIN: 3, NEWRULE: 6, GETRULE: 7 } as const;
const APPEND = 0x800;

/** linux/netfilter/nf_tables.h: attributes of tables, chains, hooks and rules */
const NFTA = {
  TABLE_NAME: 1,
  CHAIN_TABLE: 1, CHAIN_NAME: 3, CHAIN_HOOK: 4, CHAIN_POLICY: 5, CHAIN_TYPE: 7,
  HOOK_HOOKNUM: 1, HOOK_PRIORITY: 2, HOOK_DEV: 3,
  RULE_TABLE: 1, RULE_CHAIN: 2, RULE_EXPRESSIONS: 4,
} as const;

/** linux/netfilter.h */
const NFPROTO_NETDEV = 5;
const NF_NETDEV_INGRESS = 0;
const NF_ACCEPT = 1;

/** Asks for the table; ENOENT says that it is not there. */
export function findRedirect(table: string): Request {
  return request(MESSAGE.GETTABLE, 0, (writer) => writer.text(NFTA.TABLE_NAME, table));
}

/** One transaction's requests that make a redirect. @throws {NetworkError} INVALID */
export function newRedirect(state: RedirectState): Request[] {
  const { table } = checked(state);
  return [
    request(MESSAGE.NEWTABLE, NLM_F.CREATE, (writer) => writer.text(NFTA.TABLE_NAME, table)),
    request(MESSAGE.NEWCHAIN, NLM_F.CREATE, (writer) => ingressChain(writer, table)),
    ...redirectRules(state).map((write) =>
      request(MESSAGE.NEWRULE, NLM_F.CREATE | APPEND, (writer) => writer.text(NFTA.RULE_TABLE, table).text(NFTA.RULE_CHAIN, REDIRECT_CHAIN).nest(NFTA.RULE_EXPRESSIONS, write)),
    ),
  ];
}

/** Deletes the table with all that is in it. */
export function deleteRedirect(table: string): Request {
  return request(MESSAGE.DELTABLE, 0, (writer) => writer.text(NFTA.TABLE_NAME, table));
}

/** Asks for the rules of the table's chain. */
export function listRedirect(table: string): Request {
  return (writer, sequence) => void begin(writer, MESSAGE.GETRULE, NLM_F.DUMP, sequence).text(NFTA.RULE_TABLE, table).text(NFTA.RULE_CHAIN, REDIRECT_CHAIN);
}

/** Whether the rules that {@link listRedirect} found are exactly those of the state. @throws {NetworkError} INVALID, INTERNAL */
export function isRedirect(state: RedirectState, found: readonly Buffer[]): boolean {
  const wanted = redirectRules(checked(state)).map((write) => {
    const message = new MessageWriter().begin(0, 0, 0).raw(Buffer.alloc(4)).nest(NFTA.RULE_EXPRESSIONS, write).finish();
    return digest(message.subarray(NETLINK.HEADER));
  });
  return wanted.join('\n') === found.map(digest).join('\n');
}

function request(type: number, flags: number, body: (writer: MessageWriter) => void): Request {
  return (writer, sequence) => body(begin(writer, type, NLM_F.ACK | flags, sequence));
}

/** With struct nfgenmsg. */
function begin(writer: MessageWriter, type: number, flags: number, sequence: number): MessageWriter {
  return writer.begin((NETFILTER.SUBSYS_NFTABLES << 8) | type, flags, sequence).raw(Uint8Array.of(NFPROTO_NETDEV, 0, 0, 0));
}

function ingressChain(writer: MessageWriter, table: string): void {
  writer.text(NFTA.CHAIN_TABLE, table).text(NFTA.CHAIN_NAME, REDIRECT_CHAIN).text(NFTA.CHAIN_TYPE, 'filter').bytes(NFTA.CHAIN_POLICY, be32(NF_ACCEPT));
  writer.nest(NFTA.CHAIN_HOOK, () => writer.bytes(NFTA.HOOK_HOOKNUM, be32(NF_NETDEV_INGRESS)).bytes(NFTA.HOOK_PRIORITY, be32(0)).text(NFTA.HOOK_DEV, 'lo'));
}

/** A rule's expressions as text, equal for rules that do the same: the kernel gives attributes back in an order of its own. */
function digest(payload: Buffer): string {
  const list = new Attributes(payload, 4).bytes(NFTA.RULE_EXPRESSIONS) ?? Buffer.alloc(0);
  const words: string[] = [];
  for (let at = 0; at + NETLINK.ATTRIBUTE_HEADER <= list.length; ) {
    const length = Math.max(list.readUInt16LE(at), NETLINK.ATTRIBUTE_HEADER);
    const expression = new Attributes(list.subarray(at + NETLINK.ATTRIBUTE_HEADER, at + length));
    const data = expression.nest(EXPRESSION.DATA);
    words.push(expression.text(EXPRESSION.NAME) ?? '');
    for (let type = 1; type <= EXPRESSION.PAYLOAD_CSUM_FLAGS; type += 1) words.push(data?.bytes(type)?.toString('hex') ?? '');
    at += (length + 3) & ~3;
  }
  return words.join(' ');
}
