import { createHash } from 'node:crypto';
import type { Family } from '../common/address.ts';
import { stableMac } from '../common/mac.ts';
import { Dhcp6Client } from '../ipam/dhcp/client-v6.ts';
import { DhcpClient } from '../ipam/dhcp/client.ts';
import { clientIdOf, clientIdOfMac, duidOf, iaidOf, linkLocalOf } from '../ipam/dhcp/identity.ts';
import type { Dhcp6Message } from '../ipam/dhcp/message-v6.ts';
import type { DhcpMessage } from '../ipam/dhcp/message.ts';
import type { LeaseStep } from '../ipam/dhcp/speaker.ts';
import { HOST, type NamespacePath } from '../kernel/op.ts';
import type { Context, Random } from './context.ts';
import { DhcpSession, WIRE4, WIRE6 } from './dhcp-session.ts';
import type { EndpointRecord, LeasedAddressRecord } from './records.ts';

/** A session of either protocol. */
export type AnySession = DhcpSession<DhcpMessage> | DhcpSession<Dhcp6Message>;

/**
 * The session that an endpoint needs in one family; undefined where it can have none. Nothing is sent yet.
 * @param heed is told what becomes of the address
 */
export function openEndpointSession(context: Context, endpoint: EndpointRecord, family: Family, heed: (step: LeaseStep) => void): AnySession | undefined {
  const { kernel, now, random, ledger } = context;
  const { id, mac, sandboxId, dhcp } = endpoint;
  const place = placeOf(context, endpoint);
  if (place === undefined) return undefined;
  const [hostname = ''] = sandboxId === undefined ? [] : ledger.sandbox(sandboxId).hostname.split('.');
  const named = hostname === '' ? {} : { hostname };
  const parts = { kernel, now, place, heed };
  const chance = chanceOf(random);
  if (family === 4) {
    const traits = { ...identityOf(endpoint), ...named, apart: place.namespace === HOST, ...(dhcp?.wanted === undefined ? {} : { wanted: dhcp.wanted }) };
    return new DhcpSession({ ...parts, client: new DhcpClient(traits, chance), wire: WIRE4 });
  }
  // Without a MAC address of its own it has a link-local address that only the kernel knows; SLAAC goes without.
  if (sandboxId === undefined || mac === '') return undefined;
  return new DhcpSession({ ...parts, client: new Dhcp6Client({ from: linkLocalOf(mac), duid: duidOf(id), iaid: iaidOf(id), ...named }, chance), wire: WIRE6 });
}

/**
 * The session for an address that an engine asked for: the container has no link yet, and its own name or
 * MAC address is all that tells it from others.
 * @param parent link of the host by which its LAN is reached
 * @param heed is told what becomes of the address
 */
export function openAddressSession(context: Context, leased: LeasedAddressRecord, parent: string, heed: (step: LeaseStep) => void): AnySession {
  const { kernel, now, random, store, ledger } = context;
  const { mac, poolId, container, address } = leased;
  const hostname = container === undefined ? '' : hostnameOf(container);
  const { former: formers = {} } = ledger.pools.get(poolId) ?? {};
  // Containers may be called `constructor`.
  const former = container !== undefined && Object.hasOwn(formers, container) ? formers[container] : undefined;
  const traits = {
    mac,
    // The engine makes a MAC address for each start of a container that has none of its own; the name stays.
    clientId: container === undefined ? clientIdOfMac(mac) : clientIdOf(createHash('sha256').update(`container ${store.instanceId} ${poolId} ${container}`).digest('hex')),
    apart: true,
    ...(hostname === '' ? {} : { hostname }),
    ...(address === undefined ? {} : { wanted: address }),
    ...(former === undefined ? {} : { former }),
  };
  return new DhcpSession({ kernel, now, heed, place: { namespace: HOST, link: parent }, client: new DhcpClient(traits, chanceOf(random)), wire: WIRE4 });
}

/** What a container's name is in the DNS of a LAN: letters, digits and hyphens (RFC 952), 63 at most. */
function hostnameOf(container: string): string {
  return container.replaceAll(/[^A-Za-z0-9]+/g, '-').slice(0, 63).replaceAll(/^-|-$/g, '');
}

/** Numbers from 0 up to 1. */
export function chanceOf(random: Random): () => number {
  return () => Buffer.from(random(4)).readUInt32BE() / 0x1_0000_0000;
}

/** Where it is asked from: an engine wants the address before there is a link, so that is done by the LAN's own link in the host. */
function placeOf({ ledger }: Context, { sandboxId, attachment, networkId }: EndpointRecord): { readonly namespace: NamespacePath; readonly link: string } | undefined {
  if (sandboxId !== undefined) return attachment === undefined ? undefined : { namespace: attachment.namespace, link: attachment.interface };
  const link = ledger.network(networkId).driver.lanLink;
  return link === undefined ? undefined : { namespace: HOST, link };
}

/**
 * Links that share their parent's MAC address are told apart by one that is the endpoint's own: some servers
 * know nothing else. An engine's containers get a new endpoint at every start, and keep at most their MAC address.
 */
function identityOf({ id, mac: given, sandboxId }: EndpointRecord): { readonly mac: string; readonly clientId: Uint8Array } {
  const mac = given === '' ? stableMac(`dhcp ${id}`) : given;
  return { mac, clientId: sandboxId === undefined ? clientIdOfMac(mac) : clientIdOf(id) };
}
