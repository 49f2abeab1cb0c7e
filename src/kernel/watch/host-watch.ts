import type { KernelEvent } from '../kernel.ts';
import { NETCONF, NETLINK, NETNSA, NLM_F, RTM, RTNLGRP } from '../netlink/constants.ts';
import { listLinks } from '../netlink/link-messages.ts';
import { Attributes } from '../netlink/message-reader.ts';
import { NetlinkSocket } from '../netlink/netlink-socket.ts';
import type { Request } from '../netlink/netlink-socket.ts';
import { parseRoute } from '../netlink/snapshot.ts';
import { SOCKET } from '../sys.ts';
import { EventSocket } from './event-socket.ts';
import { LinkTable } from './link-table.ts';
import type { OwnChanges } from './own-changes.ts';
import { RemovedEntries } from './removed-entries.ts';

const GROUPS = [RTNLGRP.LINK, RTNLGRP.NEIGH, RTNLGRP.IPV4_IFADDR, RTNLGRP.IPV6_IFADDR, RTNLGRP.IPV4_ROUTE, RTNLGRP.IPV6_ROUTE, RTNLGRP.IPV4_NETCONF, RTNLGRP.IPV6_NETCONF];

/** linux/rtnetlink.h */
const RT_SCOPE_UNIVERSE = 0;

/** Links and what addresses they lose, routes, forwarding switches and what goes from the tables of VXLAN links, of the namespace in which it was made. */
export class HostWatch implements Disposable {
  // Neighbours change their state all the time, addresses their lifetimes, and nothing here depends on it.
  readonly #events = new EventSocket(NETLINK.ROUTE, GROUPS, [RTM.NEWNEIGH, RTM.NEWADDR]);
  readonly #links = new LinkTable(() => performance.now());
  /** By family and index: whether it forwards. */
  readonly #forwarding = new Map<string, boolean>();

  constructor() {
    // Listening first: what changes while the tables are read comes as an event.
    this.#readTables();
  }

  get fd(): number {
    return this.#events.fd;
  }

  [Symbol.dispose](): void {
    this.#events[Symbol.dispose]();
  }

  /** Operations are about to be carried out: notes what they touch. */
  begin(own: OwnChanges): void {
    this.#links.touch(own);
  }

  /** We are about to drop this namespace. */
  leave(namespaceFd: number): void {
    using socket = new NetlinkSocket(NETLINK.ROUTE);
    // struct rtgenmsg
    const request: Request = (writer, sequence) => void writer.begin(RTM.GETNSID, NLM_F.ACK, sequence).raw(Buffer.alloc(4)).u32(NETNSA.FD, namespaceFd);
    const [answer] = socket.transact([request]);
    const id = answer?.reply === undefined ? undefined : new Attributes(answer.reply, 4).i32(NETNSA.NSID);
    // -1: nothing here has anything to do with it.
    if (id !== undefined && id >= 0) this.#links.leave(id);
  }

  /** What has happened since, without what is our own doing. */
  read(own: OwnChanges | undefined): KernelEvent[] {
    const found: KernelEvent[] = [];
    // A link that is set up comes several times over: the last word is enough.
    const changed = new Map<string, Buffer>();
    const entries = new RemovedEntries();
    const losers = new Set<number>();
    let routes = false;
    const settle = (): void => {
      for (const payload of changed.values()) push(found, this.#links.changed(payload, own));
      changed.clear();
    };
    const complete = this.#events.read(({ type, payload }) => {
      switch (type) {
        case RTM.NEWLINK:
          if (payload.length >= 16) keepLast(changed, `${payload.readUInt8(0)} ${payload.readInt32LE(4)}`, payload);
          break;
        case RTM.DELLINK:
          settle();
          push(found, this.#links.removed(payload, own));
          break;
        case RTM.NEWROUTE:
        case RTM.DELROUTE:
          // Before the links are settled their indexes are not known to be ours.
          settle();
          if (isForeignRoute(payload, own)) routes = true;
          break;
        case RTM.DELADDR:
          if (isHostAddress(payload)) losers.add(payload.readUInt32LE(4));
          break;
        case RTM.DELNEIGH:
          entries.add(payload, own);
          break;
        case RTM.NEWNETCONF:
          push(found, this.#forwardingChanged(payload, own));
          break;
        default:
      }
    });
    settle();
    found.push(...entries.events(this.#links, own), ...[...losers].flatMap((index) => this.#addressLost(index, own)));
    if (routes) found.push({ event: 'routes-changed' });
    if (!complete) {
      this.#readTables();
      found.push({ event: 'overflow' });
    }
    return found;
  }

  /** Links that went with their addresses have been told of. */
  #addressLost(index: number, own: OwnChanges | undefined): KernelEvent[] {
    const name = this.#links.name(index);
    return name === undefined || own?.indexes.has(index) === true || own?.names.has(name) === true ? [] : [{ event: 'link-changed', name, index }];
  }

  #forwardingChanged(payload: Buffer, own: OwnChanges | undefined): KernelEvent | undefined {
    const family = payload.length > 0 && payload[0] === SOCKET.AF_INET6 ? 6 : 4;
    const attributes = new Attributes(payload, 1);
    const index = attributes.i32(NETCONF.IFINDEX);
    const value = attributes.i32(NETCONF.FORWARDING);
    if (index === undefined || value === undefined || index === NETCONF.DEFAULT) return undefined;
    const on = value !== 0;
    const key = `${family} ${index}`;
    const before = this.#forwarding.get(key);
    this.#forwarding.set(key, on);
    // A link that is new comes with the default.
    if (before === undefined || before === on || own?.forwarding === true) return undefined;
    const link = index === NETCONF.ALL ? 'all' : this.#links.name(index);
    return link === undefined ? undefined : { event: 'forwarding-changed', family, link, on };
  }

  #readTables(): void {
    using socket = new NetlinkSocket(NETLINK.ROUTE);
    this.#links.reset(socket.dump(listLinks(), 'list links').map(({ payload }) => payload));
    this.#forwarding.clear();
    for (const family of [SOCKET.AF_INET, SOCKET.AF_INET6]) {
      for (const { payload } of listForwarding(socket, family)) this.#forwardingChanged(payload, undefined);
    }
  }
}

function listForwarding(socket: NetlinkSocket, family: number): { payload: Buffer }[] {
  // struct netconfmsg
  const request: Request = (writer, sequence) => void writer.begin(RTM.GETNETCONF, NLM_F.DUMP, sequence).raw(Buffer.from([family, 0, 0, 0]));
  try {
    return socket.dump(request, 'list forwarding switches');
  } catch {
    // IPv6 may be compiled out; then there is nothing to watch.
    return [];
  }
}

/** RTM_DELADDR, of a struct ifaddrmsg: not an address of the link or the host alone, which come and go with carriers. */
function isHostAddress(payload: Buffer): boolean {
  return payload.length >= 8 && payload[3] === RT_SCOPE_UNIVERSE;
}

/** A unicast route of the main table that belongs to no link of ours; the link-local ones come and go with carriers. */
function isForeignRoute(payload: Buffer, own: OwnChanges | undefined): boolean {
  const route = parseRoute(payload);
  if (route === undefined || route.destination.startsWith('fe80:')) return false;
  return own === undefined || route.linkIndex === undefined || !own.indexes.has(route.linkIndex);
}

/** Behind all others: a link and its bridge both tell of a port, and who spoke last knows best. */
function keepLast(messages: Map<string, Buffer>, key: string, payload: Buffer): void {
  messages.delete(key);
  messages.set(key, Buffer.from(payload));
}

function push(to: KernelEvent[], event: KernelEvent | undefined): void {
  if (event !== undefined) to.push(event);
}
