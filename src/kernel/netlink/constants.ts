/** linux/netlink.h: message flags. */
export const NLM_F = {
  REQUEST: 0x1, ACK: 0x4, DUMP_INTR: 0x10, DUMP: 0x300, REPLACE: 0x100, EXCL: 0x200, CREATE: 0x400, APPEND: 0x800,
  /** In an error message: the request is not echoed; attributes follow. */
  CAPPED: 0x100, ACK_TLVS: 0x200,
  /** In a request to delete: not with what is inside. */
  NONREC: 0x100,
} as const;

/** linux/netlink.h: control messages, protocols, socket options, attribute flags. */
export const NETLINK = {
  ROUTE: 0, NETFILTER: 12, GENERIC: 16,
  MSG_NOOP: 1, MSG_ERROR: 2, MSG_DONE: 3,
  ADD_MEMBERSHIP: 1, CAP_ACK: 10, EXT_ACK: 11, GET_STRICT_CHK: 12,
  ERRATTR_MSG: 1,
  HEADER: 16, ATTRIBUTE_HEADER: 4, NESTED: 0x8000, TYPE_MASK: 0x3fff,
} as const;

/** linux/rtnetlink.h: message types. */
export const RTM = {
  NEWLINK: 16, DELLINK: 17, GETLINK: 18, SETLINK: 19,
  NEWADDR: 20, DELADDR: 21, GETADDR: 22,
  NEWROUTE: 24, DELROUTE: 25, GETROUTE: 26,
  NEWNEIGH: 28, DELNEIGH: 29, GETNEIGH: 30,
  NEWNETCONF: 80, GETNETCONF: 82, GETNSID: 90,
} as const;

/** linux/rtnetlink.h: multicast groups. */
export const RTNLGRP = { LINK: 1, NEIGH: 3, IPV4_IFADDR: 5, IPV4_ROUTE: 7, IPV6_IFADDR: 9, IPV6_ROUTE: 11, IPV4_NETCONF: 24, IPV6_NETCONF: 25 } as const;

/** linux/if_link.h, linux/if.h, linux/if_bridge.h, linux/veth.h */
export const LINK = {
  ADDRESS: 1, IFNAME: 3, MTU: 4, LINK: 5, MASTER: 10, PROTINFO: 12, OPERSTATE: 16, LINKINFO: 18, IFALIAS: 20, GROUP: 27, NET_NS_FD: 28,
  EXT_MASK: 29, LINK_NETNSID: 37,
  INFO_KIND: 1, INFO_DATA: 2, INFO_SLAVE_KIND: 4, INFO_SLAVE_DATA: 5,
  BRPORT_MODE: 4, BRPORT_LEARNING: 8, BRPORT_NEIGH_SUPPRESS: 32, BRPORT_ISOLATED: 33, VETH_PEER: 1,
  IFF_UP: 1, OPER_UNKNOWN: 0, OPER_UP: 6,
  /** Leave statistics out of dumps. */
  EXT_MASK_SKIP_STATS: 8,
} as const;

/** linux/if_link.h: IFLA_VLAN_*, IFLA_MACVLAN_* with macvlan_macaddr_mode, IFLA_IPVLAN_* */
export const VLAN = { ID: 1 } as const;
export const MACVLAN = { MODE: 1, MACADDR_MODE: 3, MACADDR: 4, MACADDR_DATA: 5, MACADDR_SET: 3 } as const;
export const IPVLAN = { MODE: 1, FLAGS: 2 } as const;

/** linux/if_link.h: IFLA_VXLAN_* with ifla_vxlan_df */
export const VXLAN = {
  ID: 1, LOCAL: 4, LEARNING: 7, PORT: 15, LOCAL6: 17, UDP_CSUM: 18, UDP_ZERO_CSUM6_TX: 19, UDP_ZERO_CSUM6_RX: 20, DF: 29, DF_INHERIT: 2,
} as const;

/** linux/neighbour.h: NDA_* without their prefix, NUD_*, NTF_* */
export const NEIGHBOUR = {
  DST: 1, LLADDR: 2, VLAN: 5, IFINDEX: 8, MASTER: 9,
  NUD_NOARP: 0x40, NUD_PERMANENT: 0x80,
  NTF_SELF: 0x02, NTF_MASTER: 0x04, NTF_PROXY: 0x08, NTF_EXT_LEARNED: 0x10, NTF_STICKY: 0x40,
} as const;

/** linux/if_addr.h, linux/rtnetlink.h */
export const ADDRESS = { ADDRESS: 1, LOCAL: 2, BROADCAST: 4, FLAGS: 8, F_NODAD: 2, SCOPE_GLOBAL: 0 } as const;

/** linux/rtnetlink.h */
export const ROUTE = {
  DST: 1, OIF: 4, GATEWAY: 5, PRIORITY: 6, MULTIPATH: 9, TABLE: 15, VIA: 18,
  TABLE_MAIN: 254, TYPE_UNICAST: 1, SCOPE_UNIVERSE: 0, SCOPE_LINK: 253, F_CLONED: 0x200,
} as const;

/** linux/net_namespace.h */
export const NETNSA = { NSID: 1, FD: 3 } as const;

/** linux/netconf.h */
export const NETCONF = { IFINDEX: 1, FORWARDING: 2, ALL: -1, DEFAULT: -2 } as const;

/** linux/netfilter/nf_tables.h: attributes of set elements */
export const NFTA = { LIST_TABLE: 1, LIST_SET: 2, LIST_ELEMENTS: 3, LIST_ELEM: 1, ELEM_KEY: 1, ELEM_DATA: 2, DATA_VALUE: 1 } as const;

/** linux/netfilter/nfnetlink.h, nf_tables.h, nfnetlink_conntrack.h */
export const NETFILTER = {
  GROUP_NFTABLES: 7, SUBSYS_NFTABLES: 10, SUBSYS_CTNETLINK: 1,
  BATCH_BEGIN: 16, BATCH_END: 17,
  NFT_DELTABLE: 2, NFT_NEWSETELEM: 12, NFT_DELSETELEM: 14,
  NFT_NEWGEN: 15, GEN_PROC_PID: 2, GEN_PROC_NAME: 3, TABLE_NAME: 1,
  CT_GET: 1, CT_DELETE: 2,
} as const;

/** linux/netfilter/nfnetlink_conntrack.h: attributes. */
export const CTA = {
  TUPLE_ORIG: 1, TUPLE_REPLY: 2, ID: 12, ZONE: 18,
  TUPLE_IP: 1, TUPLE_PROTO: 2, IP_V4_SRC: 1, IP_V4_DST: 2, IP_V6_SRC: 3, IP_V6_DST: 4,
  PROTO_NUM: 1, PROTO_DST_PORT: 3,
} as const;
