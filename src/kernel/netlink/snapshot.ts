import { ERRNO, errnoOf } from '../errno.ts';
import type { NamespacePath } from '../op.ts';
import type { LinkSnapshot, NamespaceSnapshot, RouteSnapshot } from '../snapshot.ts';
import { addressText, SOCKET } from '../sys.ts';
import { listAddresses } from './address-messages.ts';
import { ADDRESS, LINK, ROUTE } from './constants.ts';
import { readTraits } from './link-kinds.ts';
import { listLinks } from './link-messages.ts';
import { Attributes } from './message-reader.ts';
import type { NetlinkSocket } from './netlink-socket.ts';
import { macText } from './parse.ts';
import type { RawPrefix } from './parse.ts';
import { listRoutes } from './route-messages.ts';
import { readVxlan } from './vxlan-info.ts';

/** `ip -d link`, `ip addr` and `ip route` of the namespace in which the socket stands. @throws {NetworkError} KERNEL */
export function readNamespace(socket: NetlinkSocket, namespace: NamespacePath): NamespaceSnapshot {
  const addresses = new Map<number, string[]>();
  for (const address of globalAddresses(socket)) {
    const text = `${addressText(address.bytes)}/${address.prefix}`;
    const known = addresses.get(address.index);
    if (known === undefined) addresses.set(address.index, [text]);
    else known.push(text);
  }
  const links = socket.dump(listLinks(), `list the links of ${namespace}`).map(({ payload }) => parseLink(payload, addresses));
  return { namespace, links, routes: [...routes(socket, SOCKET.AF_INET), ...routes(socket, SOCKET.AF_INET6)] };
}

/** Every global-scope address, with the link that has it. */
export function globalAddresses(socket: NetlinkSocket): (RawPrefix & { readonly index: number })[] {
  const found: (RawPrefix & { readonly index: number })[] = [];
  for (const { payload } of socket.dump(listAddresses(), 'list addresses')) {
    if (payload.length < 8 || payload[3] !== ADDRESS.SCOPE_GLOBAL) continue;
    const attributes = new Attributes(payload, 8);
    // IFA_ADDRESS is the far end where the address is a point-to-point one.
    const bytes = attributes.bytes(ADDRESS.LOCAL) ?? attributes.bytes(ADDRESS.ADDRESS);
    if (bytes === undefined || (bytes.length !== 4 && bytes.length !== 16)) continue;
    found.push({ family: payload.readUInt8(0), prefix: payload.readUInt8(1), index: payload.readUInt32LE(4), bytes });
  }
  return found;
}

/** A struct ifinfomsg with its attributes; addresses are filled in by index. */
export function parseLink(payload: Buffer, addresses: ReadonlyMap<number, readonly string[]>): LinkSnapshot {
  const attributes = new Attributes(payload, 16);
  const info = attributes.nest(LINK.LINKINFO);
  const index = payload.readInt32LE(4);
  const operstate = attributes.u8(LINK.OPERSTATE) ?? LINK.OPER_UNKNOWN;
  const master = attributes.u32(LINK.MASTER);
  const kind = info?.text(LINK.INFO_KIND);
  const data = info?.nest(LINK.INFO_DATA);
  const traits = readTraits(kind, data);
  const vxlan = readVxlan(kind, data);
  const port = info?.text(LINK.INFO_SLAVE_KIND) === 'bridge' ? info.nest(LINK.INFO_SLAVE_DATA) : undefined;
  return {
    index,
    name: attributes.text(LINK.IFNAME) ?? '',
    kind,
    mac: macText(attributes.bytes(LINK.ADDRESS) ?? Buffer.alloc(0)),
    mtu: attributes.u32(LINK.MTU) ?? 0,
    up: (payload.readUInt32LE(8) & LINK.IFF_UP) !== 0,
    // Loopback and tunnels never leave UNKNOWN.
    running: operstate === LINK.OPER_UP || operstate === LINK.OPER_UNKNOWN,
    masterIndex: master === 0 ? undefined : master,
    alias: attributes.text(LINK.IFALIAS),
    group: attributes.u32(LINK.GROUP) ?? 0,
    peerIndex: attributes.u32(LINK.LINK),
    peerNamespaceId: attributes.i32(LINK.LINK_NETNSID),
    ...(traits === undefined ? {} : { traits }),
    ...(vxlan === undefined ? {} : { vxlan }),
    hairpin: port === undefined ? undefined : port.u8(LINK.BRPORT_MODE) === 1,
    ...(port?.u8(LINK.BRPORT_ISOLATED) === 1 ? { isolated: true } : {}),
    ...(port?.u8(LINK.BRPORT_LEARNING) === 0 ? { learning: false } : {}),
    ...(port?.u8(LINK.BRPORT_NEIGH_SUPPRESS) === 1 ? { neighbourSuppression: true } : {}),
    addresses: addresses.get(index) ?? [],
  };
}

function routes(socket: NetlinkSocket, family: number): RouteSnapshot[] {
  try {
    return socket.dump(listRoutes(family), 'list routes').flatMap(({ payload }) => parseRoute(payload) ?? []);
  } catch (error) {
    // IPv6 compiled out or switched off at boot: it has no routes.
    if (family === SOCKET.AF_INET6 && errnoOf(error) === ERRNO.EOPNOTSUPP) return [];
    // A namespace that never had a route has no main table yet: asked for by number, the kernel says so (6.18).
    if (errnoOf(error) === ERRNO.ENOENT) return [];
    throw error;
  }
}

/** A struct rtmsg with its attributes; undefined unless it is a unicast route of the main table. */
export function parseRoute(payload: Buffer): RouteSnapshot | undefined {
  if (payload.length < 12 || payload[7] !== ROUTE.TYPE_UNICAST || (payload.readUInt32LE(8) & ROUTE.F_CLONED) !== 0) return undefined;
  const attributes = new Attributes(payload, 12);
  if ((attributes.u32(ROUTE.TABLE) ?? payload[4]) !== ROUTE.TABLE_MAIN) return undefined;
  const bytes = attributes.bytes(ROUTE.DST) ?? Buffer.alloc(payload[0] === SOCKET.AF_INET ? 4 : 16);
  // Of several next hops the first one stands for the route: struct rtnexthop is 8 bytes, its index at 4.
  const hops = attributes.bytes(ROUTE.MULTIPATH);
  const hopLength = hops === undefined || hops.length < 8 ? 0 : hops.readUInt16LE(0);
  const hop = hops !== undefined && hopLength >= 8 && hopLength <= hops.length ? hops.subarray(0, hopLength) : undefined;
  return {
    destination: `${addressText(bytes)}/${payload.readUInt8(1)}`,
    gateway: gateway(attributes) ?? (hop === undefined ? undefined : gateway(new Attributes(hop, 8))),
    linkIndex: attributes.u32(ROUTE.OIF) ?? hop?.readInt32LE(4),
    metric: attributes.u32(ROUTE.PRIORITY) ?? 0,
    protocol: payload.readUInt8(5),
  };
}

function gateway(attributes: Attributes): string | undefined {
  // RTA_VIA is struct rtvia: the next hop of an IPv4 route may be an IPv6 address (RFC 5549).
  const bytes = attributes.bytes(ROUTE.GATEWAY) ?? attributes.bytes(ROUTE.VIA)?.subarray(2);
  return bytes === undefined || (bytes.length !== 4 && bytes.length !== 16) ? undefined : addressText(bytes);
}
