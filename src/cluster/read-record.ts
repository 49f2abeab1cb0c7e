/** What stands in the shared store, checked: other hosts wrote it, and their daemons may be older, newer or not ours at all. */
import { z } from 'zod';
import { canonicalAddress, withoutLength } from '../common/address.ts';
import { formatCidr, parseInterfaceAddress } from '../common/cidr.ts';
import { macFromUser } from '../common/mac.ts';
import { requireNetworkName } from '../common/name.ts';
import { isHostAddress } from './host-address.ts';
import { BLOCKS, CLAIMS, ENDPOINTS, HOSTS, JOINED, NETWORKS, RECALLS, blockKey, claimKey, endpointKey, hostKey, joinedKey, networkKey, recallKey } from './keys.ts';
import type { BlockRecord, ClaimRecord, HostRecord, JoinedRecord, RecallRecord, SharedEndpoint, SharedNetwork } from './records.ts';

/** A record with what kind it is of. */
export type SharedRecord =
  | { readonly kind: 'host'; readonly record: HostRecord }
  | { readonly kind: 'network'; readonly record: SharedNetwork }
  | { readonly kind: 'endpoint'; readonly record: SharedEndpoint }
  | { readonly kind: 'block'; readonly record: BlockRecord }
  | { readonly kind: 'joined'; readonly record: JoinedRecord }
  | { readonly kind: 'claim'; readonly record: ClaimRecord }
  | { readonly kind: 'recall'; readonly record: RecallRecord };

const hostId = z.string().regex(/^[0-9a-f]{8}$/);
const id = z.string().regex(/^[0-9a-f]{64}$/);
const address = z.string().refine(isCanonical(canonicalAddress), 'must be a plain address');
const hostAddress = address.refine(isHostAddress, 'must be an address that other hosts can reach');
const subnet = z.string().refine(isCanonical((text) => formatCidr(parseInterfaceAddress(text).network)), 'must be a subnet');
const interfaceAddress = z.string().refine(isCanonical((text) => `${canonicalAddress(withoutLength(text))}/${String(parseInterfaceAddress(text).network.prefix)}`), 'must be ADDRESS/LENGTH');
const mac = z.string().refine(isCanonical(macFromUser), 'must be a MAC address');
const name = z.string().refine(isCanonical((text) => (requireNetworkName(text), text)), 'must be a network name');
/** 32 bytes in base64. */
const publicKey = z.string().regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/, 'must be a WireGuard key');
/** `PORT/PROTOCOL` */
const service = z.string().regex(/^\d{1,5}\/(tcp|udp|sctp)$/).refine((written) => Number.parseInt(written, 10) <= 0xffff, 'must be a port and a protocol');
const text = z.string().max(4096);
/** What messages repeat. */
const line = text.regex(/^\P{Cc}*$/u, 'must be plain text');
const texts = z.record(text, text);
const subnets = z.array(z.object({ subnet, range: z.exactOptional(subnet), gateway: z.exactOptional(address), auxiliary: z.record(text, address) }));

/** The shapes, each with the key under which a record of it has to stand. */
const KINDS = [
  kind('host', HOSTS, z.object({ id: hostId, name: line, address: hostAddress, mtu: z.int().min(576).max(65535), reaches: z.array(subnet), wireguard: z.exactOptional(z.object({ publicKey, port: z.int().min(1).max(65535) })) }), (record) => hostKey(record.id)),
  kind('network', NETWORKS, z.object({ id, name, vni: z.int().min(1).max(0xffffff), mtu: z.int().min(68).max(65535), internal: z.boolean(), ipv4: subnets, ipv6: subnets, options: texts, labels: texts, created: text, madeBy: z.exactOptional(z.literal('engine')) }), (record) => networkKey(record.id)),
  kind('endpoint', ENDPOINTS, z.object({ id, networkId: id, hostId, mac, ipv4: z.exactOptional(interfaceAddress), ipv6: z.exactOptional(interfaceAddress), names: z.array(text), services: z.array(service) }), (record) => endpointKey(record.networkId, record.id)),
  kind('block', BLOCKS, z.object({ networkId: id, block: subnet, hostId }), (record) => blockKey(record.networkId, record.block)),
  kind('joined', JOINED, z.object({ networkId: id, hostId }), (record) => joinedKey(record.networkId, record.hostId)),
  kind('claim', CLAIMS, z.object({ networkId: id, address, hostId, answer: z.exactOptional(z.enum(['granted', 'refused'])), reason: z.exactOptional(line) }), (record) => claimKey(record.networkId, record.address)),
  kind('recall', RECALLS, z.object({ networkId: id, hostId }), (record) => recallKey(record.networkId)),
] as const;

/** What stands under a key; undefined where it is none of these, a sentence where it makes no sense. */
export function readRecord(key: string, value: unknown): SharedRecord | string | undefined {
  for (const read of KINDS) {
    const record = read(key, value);
    if (record !== undefined) return record;
  }
  return undefined;
}

function kind<Kind extends SharedRecord['kind'], Record>(word: Kind, prefix: string, shape: z.ZodType<Record>, keyOf: (record: Record) => string): (key: string, value: unknown) => SharedRecord | string | undefined {
  return (key, value) => {
    if (!key.startsWith(prefix)) return undefined;
    const result = shape.safeParse(value);
    if (!result.success) {
      const [issue] = result.error.issues;
      return `${key}: ${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'malformed'}`;
    }
    if (keyOf(result.data) !== key) return `${key} holds what belongs under ${keyOf(result.data)}`;
    return { kind: word, record: result.data } as unknown as SharedRecord;
  };
}

function isCanonical(canonical: (text: string) => string): (value: string) => boolean {
  return (value) => {
    try {
      return canonical(value) === value;
    } catch {
      return false;
    }
  };
}
