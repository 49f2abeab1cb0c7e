/**
 * The part of our nft tables that never changes. Networks, ports and interfaces are elements of
 * the sets and maps, so a packet pays for a handful of hash lookups however many there are.
 *
 * What each chain decides is told beside it. nft 1.0.6 and kernel 6.1 are the oldest that have to
 * take this: priorities are numbers (`dstnat` is refused in an output hook), `meta ibrname` is not
 * used. Subnets stand in concatenations even where one field would do: nft 1.0.6 refuses to
 * replace an interval by an overlapping one within a transaction unless it is part of one.
 */
import { ACCEPT_BIT } from './backend.ts';

/** nft family of a table. */
export type TableFamily = 'inet' | 'bridge';

/** Types of the fields of a key, in nft's words. */
export type KeyType = 'ifname' | 'ether_type' | 'ipv4_addr' | 'ipv6_addr' | 'inet_proto' | 'inet_service' | 'integer';

/** A set, or a map where `data` says what it leads to. */
export interface SetShape {
  readonly key: readonly KeyType[];
  readonly data?: 'verdict' | readonly KeyType[];
  /** Holds subnets. */
  readonly interval?: true;
  /** The key as it stands in rules, where a field has a length of its own. */
  readonly of?: string;
}

/** A chain; `hook` is what follows `type` in nft. */
export interface ChainShape {
  readonly hook?: string;
  readonly rules: readonly string[];
}

/** One table. */
export interface TableShape {
  readonly sets: Readonly<Record<string, SetShape>>;
  readonly chains: Readonly<Record<string, ChainShape>>;
}

const BIT = `0x${ACCEPT_BIT.toString(16)}`;
const DECIDED = `meta mark & ${BIT} == ${BIT}`;
const ESTABLISHED = 'ct state established,related';
const PUBLISHED = 'ct status dnat';

/** Of VXLAN (RFC 7348 §5): the port, and the 24 bits behind the UDP header and four more bytes. */
const VXLAN = 'udp dport . @th,96,24';

const PAIR: SetShape = { key: ['ifname', 'ifname'] };
const LINK: SetShape = { key: ['ifname'] };

function familySets(family: 4 | 6): Record<string, SetShape> {
  const address = `ipv${family}_addr` as const;
  return {
    // subnets, with their bridge and without
    [`own${family}`]: { key: ['ifname', address], interval: true },
    [`subnets${family}`]: { key: ['ether_type', address], interval: true },
    // subnets that leave under another address: that of the outgoing interface, or a given one
    [`masquerade${family}`]: { key: ['ether_type', address], interval: true },
    [`source${family}`]: { key: ['ether_type', address], data: [address], interval: true },
    // what a host port leads to: of one host address, of all
    [`ports_on${family}`]: { key: [address, 'inet_proto', 'inet_service'], data: [address, 'inet_service'] },
    [`ports${family}`]: { key: ['inet_proto', 'inet_service'], data: [address, 'inet_service'] },
    // ports of routed networks that anybody may reach
    [`open${family}`]: { key: [address, 'inet_proto', 'inet_service'] },
    // ports of the host that are open to a bridge
    [`host_ports${family}`]: { key: ['ifname', address, 'inet_proto', 'inet_service'] },
    // ports and addresses of the host at which tunnels end, and who may send there
    [`tunnel_ports${family}`]: { key: ['inet_service'] },
    [`tunnel_ends${family}`]: { key: [address] },
    [`tunnel_peers${family}`]: { key: [address] },
    [`tunnel_ranges${family}`]: { key: ['ether_type', address], interval: true },
    // bridges: nothing in or out; who may come in; who may go out
    [`closed${family}`]: LINK,
    [`towards${family}`]: { key: ['ifname'], data: 'verdict' },
    [`from${family}`]: LINK,
    // interfaces on which we switched forwarding on, alone and paired with themselves
    [`guarded${family}`]: LINK,
    [`guarded_pair${family}`]: PAIR,
  };
}

function familyChains(family: 4 | 6): Record<string, ChainShape> {
  const ip = family === 4 ? 'ip' : 'ip6';
  return {
    [`publish${family}`]: {
      rules: [
        // Link-local addresses are no host addresses that others could mean, and the kernel takes no
        // packet to ::1 off the loopback: a proxy serves that one.
        ...(family === 6 ? ['ip6 daddr { ::1, fe80::/10 } return'] : []),
        `dnat ${ip} to ${ip} daddr . meta l4proto . th dport map @ports_on${family}`,
        `meta nfproto ipv${family} dnat ${ip} to meta l4proto . th dport map @ports${family}`,
      ],
    },
    [`leave${family}`]: {
      rules: [
        // Back to the bridge it came from: only what was published goes on under our address, so
        // that the answer comes back through us.
        `oifname . ${ip} saddr @own${family} goto hairpin`,
        ...(family === 4 ? ['ip saddr 127.0.0.0/8 oifname @bridges masquerade'] : []),
        'fib daddr type { broadcast, multicast } return',
        `snat ${ip} to meta protocol . ${ip} saddr map @source${family}`,
        `meta protocol . ${ip} saddr @masquerade${family} masquerade`,
      ],
    },
    [`forward${family}`]: {
      rules: [
        `iifname @closed${family} drop`,
        `oifname @closed${family} drop`,
        // Before the way out: what goes from one network of ours to another is the other's to decide.
        `oifname vmap @towards${family}`,
        `iifname @from${family} goto from_ours`,
      ],
    },
    [`tunnel${family}`]: {
      rules: [
        // An endpoint of ours may pretend to be any host.
        'iifname @bridges drop',
        // And one of another host's reaches all addresses but those of tunnels, behind that host's own.
        `${ip} daddr != @tunnel_ends${family} drop`,
        `${ip} saddr @tunnel_peers${family} goto accepted`,
        `meta protocol . ${ip} saddr @tunnel_ranges${family} goto accepted`,
        'drop',
      ],
    },
    [`guard${family}`]: {
      rules: [
        // New connections only: beside an engine that found forwarding already on, its containers'
        // answers and published ports come in here too.
        `${ESTABLISHED} accept`,
        `${PUBLISHED} accept`,
        // Frames that a bridge only passes on, seen here under bridge-nf-call-iptables=1, are not routed.
        `meta iifkind "bridge" iifname . oifname @guarded_pair${family} accept`,
        'drop',
      ],
    },
  };
}

const INET: TableShape = {
  sets: {
    // both sides are one bridge of ours
    inside: { ...PAIR, data: 'verdict' },
    bridges: LINK,
    // interface . bridge: may reach unpublished ports
    trusted: PAIR,
    uplinks: LINK,
    // links that encrypt, where they take that, and the VXLAN networks that come and go by no others
    tunnel_links: LINK,
    encrypted_ports: { key: ['inet_service'] },
    encrypted: { key: ['inet_service', 'integer'], of: VXLAN },
    ...familySets(4),
    ...familySets(6),
  },
  chains: {
    // Before connection tracking. route_localnet on our bridges makes 127/8 a destination like any
    // other, and DNAT serves 127.0.0.1, so nobody but the host may send there. As a source the
    // kernel itself refuses it from outside (fib_validate_source).
    raw: {
      hook: 'filter hook prerouting priority -300',
      rules: [
        'iifname "lo" accept',
        'ip daddr 127.0.0.0/8 drop',
        // An interval look-up costs more than the rest of the path: one a packet, from wherever it comes.
        'iifname @bridges iifname . ip saddr @own4 accept',
        'meta protocol . ip saddr @subnets4 drop',
        'iifname @bridges iifname . ip6 saddr @own6 accept',
        'meta protocol . ip6 saddr @subnets6 drop',
      ],
    },
    prerouting: { hook: 'nat hook prerouting priority -100', rules: ['fib daddr type local goto publish'] },
    output: { hook: 'nat hook output priority -100', rules: ['fib daddr type local goto publish'] },
    publish: { rules: ['meta nfproto ipv4 goto publish4', 'meta nfproto ipv6 goto publish6'] },
    postrouting: { hook: 'nat hook postrouting priority 100', rules: ['meta nfproto ipv4 goto leave4', 'meta nfproto ipv6 goto leave6'] },
    hairpin: { rules: [`${PUBLISHED} masquerade`] },

    forward: {
      hook: 'filter hook forward priority -10',
      rules: ['iifname @tunnel_links drop', 'oifname @tunnel_links drop', 'iifname . oifname vmap @inside', 'meta nfproto ipv4 goto forward4', 'meta nfproto ipv6 goto forward6'],
    },
    // Before anybody's filter: who drops what comes in lets our bit through, as in forward.
    input: {
      hook: 'filter hook input priority -10',
      rules: [
        // In clear text, whoever sent it: the kernel would take it.
        `${VXLAN} @encrypted iifname != @tunnel_links drop`,
        'meta nfproto ipv4 udp dport @tunnel_ports4 goto tunnel4',
        'meta nfproto ipv6 udp dport @tunnel_ports6 goto tunnel6',
        'iifname @tunnel_links drop',
        'iifname != @bridges udp dport @encrypted_ports goto accepted',
        'iifname != @bridges accept',
        'iifname . ip daddr . meta l4proto . th dport @host_ports4 goto accepted',
        'iifname . ip6 daddr . meta l4proto . th dport @host_ports6 goto accepted',
      ],
    },
    // Behind everybody who may still send it another way: mangle, nat.
    sent: { hook: 'filter hook output priority 0', rules: [`${VXLAN} @encrypted oifname != @tunnel_links drop`] },
    accepted: { rules: [`meta mark set meta mark | ${BIT} accept`] },
    // icc=false: siblings meet only through published ports, and that is true of answers too
    inside_closed: { rules: [`${PUBLISHED} goto accepted`, 'drop'] },
    to_nat: {
      rules: [`${ESTABLISHED} goto accepted`, `${PUBLISHED} goto accepted`, 'iifname . oifname @trusted goto accepted', 'drop'],
    },
    to_routed: {
      rules: [
        `${ESTABLISHED} goto accepted`,
        `${PUBLISHED} goto accepted`,
        'meta l4proto { icmp, ipv6-icmp } goto accepted',
        'ip daddr . meta l4proto . th dport @open4 goto accepted',
        'ip6 daddr . meta l4proto . th dport @open6 goto accepted',
        'drop',
      ],
    },
    from_ours: {
      rules: [
        // Behind the host's address it would be taken for the host's own tunnel. Also what is established: with whom may be forgotten there.
        ...([4, 6] as const).flatMap((family) => {
          const destination = family === 4 ? 'ip daddr' : 'ip6 daddr';
          const port = `udp dport @tunnel_ports${family}`;
          return [`${port} ${destination} @tunnel_peers${family} drop`, `${port} meta protocol . ${destination} @tunnel_ranges${family} drop`];
        }),
        `${ESTABLISHED} goto accepted`,
        `${PUBLISHED} goto accepted`,
        'oifname @uplinks goto accepted',
        // Somebody else's containers or machines: their policy decides, so no word from us.
        'meta oifkind "bridge" accept',
        'goto accepted',
      ],
    },
    // After everybody: an owner's guard must see what another owner accepted.
    guard: {
      hook: 'filter hook forward priority 10',
      rules: [`${DECIDED} accept`, 'meta nfproto ipv4 iifname @guarded4 goto guard4', 'meta nfproto ipv6 iifname @guarded6 goto guard6'],
    },
    ...familyChains(4),
    ...familyChains(6),
  },
};

const BRIDGE: TableShape = {
  sets: { separate: LINK },
  chains: {
    // Frames between two endpoints of an icc=false network. Behind br_netfilter (priority 0), where
    // the inet forward chain may have said yes; without br_netfilter nobody did.
    forward: {
      hook: 'filter hook forward priority 100',
      rules: [`meta mark & ${BIT} == 0x0 iifname @separate oifname @separate ether type != arp drop`],
    },
  },
};

/** Our tables, both named after the instance. */
export const TABLES: Readonly<Record<TableFamily, TableShape>> = { inet: INET, bridge: BRIDGE };

/** The `table … { … }` block that makes one of our tables, without elements. */
export function renderTable(family: TableFamily, name: string): string {
  const { sets, chains } = TABLES[family];
  const lines = [
    ...Object.entries(sets).flatMap(([set, shape]) => renderSet(set, shape)),
    ...Object.entries(chains).flatMap(([chain, shape]) => renderChain(chain, shape)),
  ];
  return [`table ${family} ${name} {`, ...lines.map((line) => `\t${line}`), '}'].join('\n');
}

function renderSet(name: string, { key, data, interval, of }: SetShape): string[] {
  const leads = data === undefined ? '' : ` : ${data === 'verdict' ? data : data.join(' . ')}`;
  return [`${data === undefined ? 'set' : 'map'} ${name} {`, `\t${of === undefined ? `type ${key.join(' . ')}` : `typeof ${of}`}${leads}`, ...(interval === true ? ['\tflags interval'] : []), '}'];
}

function renderChain(name: string, { hook, rules }: ChainShape): string[] {
  return [`chain ${name} {`, ...(hook === undefined ? [] : [`\ttype ${hook}; policy accept`]), ...rules.map((rule) => `\t${rule}`), '}'];
}
