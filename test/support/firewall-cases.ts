import type { Fact, FamilyFacts, NetworkFacts, PublishedPortFacts } from '../../src/firewall/facts.ts';
import { addressOf } from './firewall-lab.ts';

/** What stands around our rules while the cases run. */
export interface Surroundings {
  /** Rules as dockerd 20.10 makes them, with its FORWARD DROP. */
  readonly docker: boolean;
}

/** One packet flow and what has to become of it. Each runs over IPv4 and IPv6 unless it says otherwise. */
export interface FirewallCase {
  readonly from: string;
  /** `node:port` or `end of the host:port`. */
  readonly to: string;
  readonly protocol?: 'tcp' | 'udp' | 'ping';
  readonly family?: 4 | 6;
  /** Source addresses, where they are not left to the kernel. */
  readonly as?: readonly [v4: string, v6: string];
  /** Source port (udp), likewise. */
  readonly asPort?: number;
  /**
   * The node that answers, or `nothing`; `a1 sees host` also asks under whose address it was
   * reached. `lan hears host` asks the other end about a datagram on its own; `lan hears nothing`.
   */
  readonly gets: string;
  readonly why: string;
  readonly when?: (surroundings: Surroundings) => boolean;
}

function families(number: number, facts: Omit<FamilyFacts, 'family' | 'subnets' | 'source'>, source?: string): FamilyFacts[] {
  return ([4, 6] as const).map((family) => ({
    ...facts,
    family,
    subnets: [family === 4 ? `10.${String(number)}.0.0/24` : `fd00:${String(number)}::/64`],
    ...(source === undefined ? {} : { source: addressOf(source, family) }),
  }));
}

const NAT = { mode: 'nat', masquerade: true } as const;

function network(bridge: string, list: readonly FamilyFacts[], rest: Partial<NetworkFacts> = {}): NetworkFacts {
  return { kind: 'network', bridge, icc: true, internal: false, trustedInterfaces: [], families: list, ...rest };
}

type Publish = Pick<PublishedPortFacts, 'hostPort' | 'port'> & { readonly protocol?: 'tcp' | 'udp'; readonly on?: string; readonly families?: readonly (4 | 6)[] };

function publish(bridge: string, node: string, { protocol = 'tcp', on, families: only = [4, 6], hostPort, port }: Publish): Fact[] {
  return only.map((family) => ({
    kind: 'published-port',
    family,
    protocol,
    hostPort,
    port,
    bridge,
    address: addressOf(node, family),
    ...(on === undefined ? {} : { hostAddress: addressOf(on, family) }),
  }));
}

/** The facts of the lab's networks. */
export const FACTS: readonly Fact[] = [
  network('ta', families(1, NAT)),
  network('tb', families(2, NAT), { icc: false, trustedInterfaces: ['eth1'] }),
  network('ti', families(3, NAT), { internal: true }),
  network('tr', families(4, { mode: 'routed', masquerade: false })),
  network('tu', families(5, { mode: 'nat-unprotected', masquerade: true })),
  network('ts', families(6, NAT, 'other')),
  network('tz', families(7, { mode: 'isolated', masquerade: false })),
  network('tm', families(8, { mode: 'nat', masquerade: false })),
  { kind: 'bridge-port', link: 'v-b1', bridge: 'tb' },
  { kind: 'bridge-port', link: 'v-b2', bridge: 'tb' },
  ...publish('ta', 'a1', { hostPort: 8080, port: 80 }),
  ...publish('ta', 'a1', { hostPort: 8080, port: 80, protocol: 'udp' }),
  ...publish('ta', 'a1', { hostPort: 8081, port: 81, on: 'loopback', families: [4] }),
  ...publish('ta', 'a1', { hostPort: 8082, port: 81, on: 'host' }),
  ...publish('ta', 'a1', { hostPort: 8089, port: 80 }),
  ...publish('tb', 'b1', { hostPort: 8090, port: 80 }),
  // whoever controls us may err: nothing enters these
  ...publish('ti', 'i1', { hostPort: 8091, port: 80 }),
  ...publish('tz', 'z1', { hostPort: 8092, port: 80 }),
  ...publish('tr', 'r1', { hostPort: 8094, port: 81 }),
  ...([4, 6] as const).map((family): Fact => ({ kind: 'open-port', family, protocol: 'tcp', bridge: 'tr', address: addressOf('r1', family), port: 80 })),
  ...([4, 6] as const).map((family): Fact => ({ kind: 'tunnel-port', family, port: 81 })),
  ...([4, 6] as const).map((family): Fact => ({ kind: 'tunnel-port', family, port: 4242 })),
  ...([4, 6] as const).map((family): Fact => ({ kind: 'tunnel-peer', family, address: addressOf('lan', family) })),
  ...([4, 6] as const).map((family): Fact => ({ kind: 'guard', family, link: 'eth0' })),
  ...([4, 6] as const).map((family): Fact => ({ kind: 'guard', family, link: 'br9' })),
  { kind: 'uplink', link: 'br9' },
  { kind: 'foreign-bridge', link: 'docker0' },
  { kind: 'foreign-bridge', link: 'virbr0' },
];

const beside = ({ docker }: Surroundings): boolean => docker;
const alone = ({ docker }: Surroundings): boolean => !docker;

/** What every back end has to do, whatever stands around it. */
export const CASES: readonly FirewallCase[] = [
  // published ports
  { from: 'lan', to: 'host:8080', gets: 'a1 sees lan', why: 'a published port is reached, and sees who comes' },
  { from: 'lan', to: 'host:8080', protocol: 'udp', gets: 'a1 sees lan', why: 'likewise over udp' },
  { from: 'far', to: 'host@eth1:8080', gets: 'a1 sees far', why: 'on every address of the host' },
  { from: 'host', to: 'host:8080', gets: 'a1', why: 'from the host itself' },
  { from: 'host', to: 'loopback:8080', family: 4, gets: 'a1 sees host@ta', why: 'and by its loopback' },
  { from: 'host', to: 'loopback:8080', protocol: 'udp', family: 4, gets: 'a1', why: 'likewise over udp' },
  { from: 'host', to: 'loopback:8080', family: 6, gets: 'host', why: '::1 is left to the proxy' },
  { from: 'host', to: 'loopback:8000', family: 4, gets: 'host', why: 'what else the host serves on its loopback stays' },
  { from: 'host', to: 'host@ta:80', gets: 'host', why: 'as it does on our bridges' },
  { from: 'lan', to: 'host:8094', gets: 'r1', why: 'a routed network may have published ports too' },
  { from: 'lan', to: 'host:8082', gets: 'a1 sees lan', why: 'a port published on one address' },
  { from: 'far', to: 'host@eth1:8082', gets: 'nothing', why: 'is not there on another' },
  { from: 'host', to: 'loopback:8081', family: 4, gets: 'a1', why: 'a port published on 127.0.0.1 serves the host' },
  { from: 'lan', to: 'host:8081', family: 4, gets: 'nothing', why: 'and nobody else' },
  { from: 'far', to: 'loopback:8081', family: 4, gets: 'nothing', why: 'not even by a route to 127.0.0.1' },
  { from: 'm1', to: 'loopback:8000', family: 4, gets: 'nothing', why: 'route_localnet does not open the host’s loopback to containers' },
  { from: 'm1', to: 'loopback:8081', family: 4, gets: 'nothing', why: 'nor what is published there' },
  { from: 'a2', to: 'host:8080', gets: 'a1 sees host@ta', why: 'hairpin: a sibling reaches a published port' },
  { from: 'a2', to: 'host@ta:8080', gets: 'a1 sees host@ta', why: 'also by the gateway' },
  { from: 'a2', to: 'host:8080', protocol: 'udp', gets: 'a1 sees host@ta', why: 'also over udp' },
  { from: 'a1', to: 'host:8080', gets: 'a1 sees host@ta', why: 'hairpin: a container reaches itself' },
  { from: 'b2', to: 'host:8080', gets: 'a1', why: 'from another network' },
  { from: 'r1', to: 'host:8080', gets: 'a1', why: 'from a routed network' },
  { from: 'lan', to: 'host:8091', gets: 'nothing', why: 'nothing enters an internal network, published or not' },
  { from: 'lan', to: 'host:8092', gets: 'nothing', why: 'nor an isolated one' },
  { from: 'a1', to: 'lan:8080', gets: 'lan', why: 'the same number elsewhere is somebody else’s' },
  { from: 'host', to: 'lan:8080', gets: 'lan', why: 'also for the host' },
  { from: 'a1', to: 'host:80', gets: 'host', why: 'what the host itself serves is not ours to judge' },

  // between containers
  { from: 'a1', to: 'a2:81', gets: 'a2 sees a1', why: 'siblings talk' },
  { from: 'a1', to: 'a2:81', protocol: 'udp', gets: 'a2 sees a1', why: 'likewise over udp' },
  { from: 'b1', to: 'b2:80', gets: 'nothing', why: 'icc=false' },
  { from: 'b1', to: 'b2:80', protocol: 'udp', gets: 'b2 hears nothing', why: 'not a single packet' },
  { from: 'b2', to: 'b1:80', gets: 'nothing', why: 'icc=false, also by the gateway, also to a port that is published' },
  { from: 'b2', to: 'b1:80', protocol: 'udp', gets: 'b1 hears nothing', why: 'icc=false, not a single packet by the gateway either' },
  { from: 'b2', to: 'host:8090', gets: 'b1 sees host@tb', why: 'icc=false, by its published port' },
  { from: 'b1', to: 'host:8090', gets: 'b1 sees host@tb', why: 'icc=false, itself by its published port' },
  { from: 'a1', to: 'b1:80', gets: 'nothing', why: 'networks are closed to each other' },
  { from: 'b1', to: 'a1:80', gets: 'nothing', why: 'both ways' },
  { from: 'a1', to: 'u1:81', gets: 'u1', why: 'but an unprotected one is open to another network too' },
  { from: 'a1', to: 'r1:80', gets: 'r1', why: 'as is an open port of a routed one' },
  { from: 'a1', to: 'r1:81', gets: 'nothing', why: 'and no other of its ports' },

  // from outside, by route
  { from: 'lan', to: 'a1:80', gets: 'nothing', why: 'a port is not reached by route' },
  { from: 'far', to: 'a1:80', gets: 'nothing', why: 'from no interface' },
  { from: 'far', to: 'b1:81', gets: 'b1 sees far', why: 'but from a trusted one' },
  { from: 'lan', to: 'b1:81', gets: 'nothing', why: 'and only from that' },
  { from: 'lan', to: 'u1:81', gets: 'u1 sees lan', why: 'nat-unprotected is open' },
  { from: 'lan', to: 'u1:81', protocol: 'udp', gets: 'u1 sees lan', why: 'likewise over udp' },
  { from: 'lan', to: 'r1:80', gets: 'r1 sees lan', why: 'routed: an open port is' },
  { from: 'lan', to: 'r1:81', gets: 'nothing', why: 'routed: another is not' },
  { from: 'lan', to: 'r1:', protocol: 'ping', gets: 'r1', why: 'routed: answers ping' },
  { from: 'lan', to: 'a1:', protocol: 'ping', gets: 'nothing', why: 'nat: does not' },
  { from: 'lan', to: 'r1:80', protocol: 'udp', gets: 'nothing', why: 'nor another protocol' },
  { from: 'host', to: 'a1:81', gets: 'a1', why: 'the host reaches its containers' },
  { from: 'host', to: 'i1:80', gets: 'i1', why: 'internal ones too' },

  // to outside
  { from: 'a1', to: 'lan:80', gets: 'lan sees host', why: 'masquerade' },
  { from: 'a1', to: 'lan:80', protocol: 'udp', gets: 'lan sees host', why: 'likewise over udp' },
  { from: 'a1', to: 'far:80', gets: 'far sees host@eth1', why: 'by the interface it leaves' },
  { from: 'b1', to: 'lan:80', gets: 'lan sees host', why: 'icc=false does not keep it in' },
  { from: 'u1', to: 'lan:80', gets: 'lan sees host', why: 'nat-unprotected is nat' },
  { from: 's1', to: 'lan:80', gets: 'lan sees other', why: 'under the address that was asked for' },
  { from: 'r1', to: 'lan:80', gets: 'lan sees r1', why: 'routed: under its own' },
  { from: 'm1', to: 'lan:80', gets: 'lan sees m1', why: 'masquerade=false: under its own' },
  { from: 'host', to: 'lan*:80', protocol: 'udp', as: ['10.1.0.1', 'fd00:1::1'], gets: 'lan hears host@ta', why: 'what goes to everybody keeps its sender' },
  { from: 'a1', to: 'up:80', gets: 'up sees host@br9', why: 'a bridge that leads out is a way out' },

  // internal, isolated
  { from: 'i1', to: 'i2:80', gets: 'i2 sees i1', why: 'internal: siblings talk' },
  { from: 'i1', to: 'lan:80', gets: 'nothing', why: 'internal: nothing leaves' },
  { from: 'lan', to: 'i1:80', gets: 'nothing', why: 'internal: nothing enters' },
  { from: 'far', to: 'i1:80', gets: 'nothing', why: 'internal: from nowhere' },
  { from: 'i1', to: 'a1:80', gets: 'nothing', why: 'internal: not to another network' },
  { from: 'a1', to: 'i1:80', gets: 'nothing', why: 'internal: not from another network' },
  { from: 'i1', to: 'u1:80', gets: 'nothing', why: 'internal: not to an open one' },
  { from: 'i1', to: 'host:8080', gets: 'nothing', why: 'internal: not even to a published port' },
  { from: 'a1', to: 'lan:81', protocol: 'udp', gets: 'lan hears nothing', why: 'a tunnel packet made in a sandbox would be taken for the host’s own behind its address' },
  { from: 'r1', to: 'lan:81', protocol: 'udp', gets: 'lan hears nothing', why: 'nor from a routed network' },
  { from: 'lan', to: 'host:8080', protocol: 'udp', asPort: 4242, gets: 'nothing', why: 'nor as an answer: where nobody remembers the question, it would be a tunnel packet too' },
  { from: 'host', to: 'lan:81', protocol: 'udp', gets: 'lan', why: 'the host’s own tunnels go' },
  { from: 'i1', to: 'lan:80', protocol: 'udp', gets: 'lan hears nothing', why: 'internal: not a single packet leaves' },
  { from: 'far', to: 'i1:80', protocol: 'udp', gets: 'i1 hears nothing', why: 'internal: nor enters' },
  { from: 'z1', to: 'lan:80', protocol: 'udp', gets: 'lan hears nothing', why: 'isolated: likewise' },
  { from: 'far', to: 'z1:80', protocol: 'udp', gets: 'z1 hears nothing', why: 'isolated: likewise' },
  { from: 'z1', to: 'lan:80', gets: 'nothing', why: 'isolated: nothing leaves' },
  { from: 'lan', to: 'z1:80', gets: 'nothing', why: 'isolated: nothing enters' },

  // guard and spoofing
  { from: 'lan', to: 'far:80', gets: 'nothing', why: 'guard: the host routes nothing between its LANs' },
  { from: 'lan', to: 'up:80', gets: 'nothing', why: 'guard: nor to its uplink' },
  { from: 'up', to: 'far:80', gets: 'nothing', why: 'guard: nor from there' },
  { from: 'vm', to: 'up:80', gets: 'up sees vm', when: alone, why: 'guard: what a bridge passes on is not routed' },
  { from: 'far', to: 'lan:80', gets: 'lan', when: alone, why: 'the answers to what was routed before us come back' },
  { from: 'lan', to: 'u1:80', protocol: 'udp', as: ['10.1.0.99', 'fd00:1::99'], gets: 'u1 hears nothing', why: 'who claims to be in a network of ours comes by its bridge' },
  { from: 'm1', to: 'host@tm:80', protocol: 'udp', family: 4, as: ['127.0.0.1', '::1'], gets: 'host hears nothing', why: 'nobody but the host is 127.0.0.1' },

  // beside other container software
  { from: 'a1', to: 'host:7080', when: beside, gets: 'k1', why: 'a port that Docker published is reached' },
  { from: 'lan', to: 'host:7080', when: beside, gets: 'k1 sees lan', why: 'from outside too, guard or not' },
  { from: 'k1', to: 'lan:80', when: beside, gets: 'lan', why: 'and Docker’s containers reach out' },
  { from: 'a1', to: 'k1:81', when: beside, gets: 'nothing', why: 'a port that Docker did not publish stays closed' },
  { from: 'a1', to: 'k1:81', when: alone, gets: 'k1', why: 'another bridge’s policy decides' },
  { from: 'k1', to: 'host:8080', gets: 'a1', why: 'Docker’s containers reach ours by their published ports' },
  { from: 'k1', to: 'a1:80', gets: 'nothing', why: 'and not otherwise' },
  { from: 'q1', to: 'host:8080', gets: 'a1', why: 'our answers reach machines of others, though nobody there lets them in' },
  { from: 'q1', to: 'u1:81', gets: 'u1', why: 'likewise from an open port' },
  { from: 'a1', to: 'host:7081', when: beside, gets: 'q1', why: 'what somebody translated goes where it was sent' },
  { from: 'a1', to: 'q1:80', when: beside, gets: 'nothing', why: 'but nothing else does' },
  { from: 'lan', to: 'host:8089', when: beside, gets: 'nothing', why: 'a DROP in DOCKER-USER holds for our ports' },
  { from: 'lan', to: 'host:8089', when: alone, gets: 'a1', why: 'which are open without it' },
];
