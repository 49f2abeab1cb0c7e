/** What stands in IFLA_LINKINFO of the kinds of link that sit on another one, both ways. */
import type { ChildTraits, IpvlanFlag, IpvlanMode, MacvlanMode } from '../child-traits.ts';
import { ERRNO } from '../errno.ts';
import { IPVLAN, LINK, MACVLAN, NLM_F, RTM, VLAN } from './constants.ts';
import type { Attributes } from './message-reader.ts';
import { readAttributeList } from './message-reader.ts';
import type { MessageWriter } from './message-writer.ts';
import type { NetlinkSocket } from './netlink-socket.ts';
import { macText, parseMac } from './parse.ts';

const MACVLAN_MODE: Readonly<Record<MacvlanMode, number>> = { private: 1, vepa: 2, bridge: 4, passthru: 8, source: 16 };
const IPVLAN_MODE: Readonly<Record<IpvlanMode, number>> = { l2: 0, l3: 1, l3s: 2 };
const IPVLAN_FLAG: Readonly<Record<IpvlanFlag, number>> = { bridge: 0, private: 1, vepa: 2 };

/** IFLA_INFO_DATA of a new link. */
export function writeTraits(writer: MessageWriter, traits: ChildTraits): void {
  switch (traits.type) {
    case 'vlan':
      writer.u16(VLAN.ID, traits.id);
      break;
    case 'macvlan':
      writer.u32(MACVLAN.MODE, MACVLAN_MODE[traits.mode]);
      if (traits.sources === undefined) break;
      writer.u32(MACVLAN.MACADDR_MODE, MACVLAN.MACADDR_SET).nest(MACVLAN.MACADDR_DATA, () => {
        for (const mac of traits.sources ?? []) writer.bytes(MACVLAN.MACADDR, parseMac(mac));
      });
      break;
    case 'ipvlan':
      writer.u16(IPVLAN.MODE, IPVLAN_MODE[traits.mode]).u16(IPVLAN.FLAGS, IPVLAN_FLAG[traits.flag]);
  }
}

/** Of a link as it is; undefined for other kinds, and for modes that nobody here knows. */
export function readTraits(kind: string | undefined, data: Attributes | undefined): ChildTraits | undefined {
  switch (kind) {
    case 'vlan': {
      const id = data?.u16(VLAN.ID);
      return id === undefined ? undefined : { type: 'vlan', id };
    }
    case 'macvlan': {
      const mode = named(MACVLAN_MODE, data?.u32(MACVLAN.MODE));
      if (mode === undefined) return undefined;
      const list = data?.bytes(MACVLAN.MACADDR_DATA);
      return { type: 'macvlan', mode, ...(mode === 'source' ? { sources: list === undefined ? [] : readAttributeList(list).map(macText).toSorted() } : {}) };
    }
    case 'ipvlan': {
      const mode = named(IPVLAN_MODE, data?.u16(IPVLAN.MODE));
      const flag = named(IPVLAN_FLAG, data?.u16(IPVLAN.FLAGS) ?? IPVLAN_FLAG.bridge);
      return mode === undefined || flag === undefined ? undefined : { type: 'ipvlan', mode, flag };
    }
    default:
      return undefined;
  }
}

/** More than any link takes (net/core/dev.c dev_validate_mtu). */
const IMPOSSIBLE_MTU = 0x7fff_ffff;

/**
 * Whether the kernel can make links of a kind; it loads the module that it is in, if there is one.
 * It is asked for a link with a multicast address, which every Ethernet kind refuses before it makes anything, and
 * with an MTU that those refuse that have no address.
 */
export function isKnownKind(socket: NetlinkSocket, kind: string): boolean {
  const [answer] = socket.transact([
    (writer, sequence) =>
      void writer
        .begin(RTM.NEWLINK, NLM_F.ACK | NLM_F.CREATE | NLM_F.EXCL, sequence)
        .interfaceInfo(0)
        .bytes(LINK.ADDRESS, Buffer.from([1, 0, 0, 0, 0, 0]))
        .u32(LINK.MTU, IMPOSSIBLE_MTU)
        .nest(LINK.LINKINFO, () => writer.text(LINK.INFO_KIND, kind)),
  ]);
  return answer?.refusal?.errno === (kind === 'wireguard' ? ERRNO.EINVAL : ERRNO.EADDRNOTAVAIL);
}

function named<Name extends string>(numbers: Readonly<Record<Name, number>>, wanted: number | undefined): Name | undefined {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Object.keys forgets what it knew
  return (Object.keys(numbers) as Name[]).find((name) => numbers[name] === wanted);
}
