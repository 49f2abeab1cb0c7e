import { NetworkError } from '../../common/error.ts';
import { HOST } from '../op.ts';
import type { NamespacePath, RouteChange } from '../op.ts';
import { SOCKET } from '../sys.ts';
import { NLM_F, ROUTE, RTM } from './constants.ts';
import type { Request } from './netlink-socket.ts';
import { parseAddress, parsePrefix } from './parse.ts';

/**
 * rtm_protocol of our routes in the host's table, by which strays are found (linux/rtnetlink.h leaves
 * 5–255 to users). A sandbox is ours as a whole: its routes look like hand-made ones (RTPROT_BOOT).
 */
const HOST_ROUTE_PROTOCOL = 78;
const RTPROT_BOOT = 3;

/** rtm_protocol that a route gets in a namespace. */
export function routeProtocol(namespace: NamespacePath): number {
  return namespace === HOST ? HOST_ROUTE_PROTOCOL : RTPROT_BOOT;
}

/** `ip route replace|del …`. @throws {NetworkError} INVALID */
export function changeRoute(index: number, op: RouteChange): Request {
  const destination = parsePrefix(op.destination);
  const gateway = op.gateway === undefined ? undefined : parseAddress(op.gateway);
  if (gateway !== undefined && gateway.family !== destination.family) {
    throw new NetworkError('INVALID', `route ${op.destination} and its gateway ${op.gateway ?? ''} are of different address families`);
  }
  const add = op.op === 'route-add';
  // A route that is deleted is found whatever its protocol, and IPv4's scope NOWHERE matches any.
  const protocol = add ? routeProtocol(op.namespace) : 0;
  const onLink = gateway === undefined && destination.family === SOCKET.AF_INET ? ROUTE.SCOPE_LINK : ROUTE.SCOPE_UNIVERSE;
  const scope = add ? onLink : SCOPE_NOWHERE;
  return (writer, sequence) => {
    writer
      .begin(add ? RTM.NEWROUTE : RTM.DELROUTE, NLM_F.ACK | (add ? NLM_F.CREATE | NLM_F.REPLACE : 0), sequence)
      .routeInfo(destination.family, destination.prefix, ROUTE.TABLE_MAIN, protocol, scope, ROUTE.TYPE_UNICAST);
    if (destination.prefix > 0) writer.bytes(ROUTE.DST, destination.bytes);
    if (gateway !== undefined) writer.bytes(ROUTE.GATEWAY, gateway.bytes);
    writer.u32(ROUTE.OIF, index);
    if (op.metric !== undefined) writer.u32(ROUTE.PRIORITY, op.metric);
  };
}

const SCOPE_NOWHERE = 255;

/** RTM_GETROUTE of one family's main table. */
export function listRoutes(family: number): Request {
  return (writer, sequence) => void writer.begin(RTM.GETROUTE, NLM_F.DUMP, sequence).routeInfo(family, 0, ROUTE.TABLE_MAIN, 0, 0, 0);
}
