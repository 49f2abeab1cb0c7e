import * as fc from 'fast-check';
import type { Fact, FamilyFacts, NetworkFacts } from '../../src/firewall/facts.ts';

const MODES = ['nat', 'nat-unprotected', 'routed', 'isolated'] as const;
const BRIDGES = ['br-a', 'br-b', 'br.c', 'br@d'] as const;
const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;

/** Ways to cut up the addresses of network N; two of them overlap, so that one may take the place of another. */
function subnets(family: 4 | 6, number: number): readonly (readonly string[])[] {
  return family === 4
    ? [[`10.${String(number)}.0.0/16`], [`10.${String(number)}.4.0/24`], [`10.${String(number)}.0.0/24`, `10.${String(number)}.1.0/24`], [`10.${String(number)}.0.5/32`]]
    : [[`fd00:${String(number)}::/48`], [`fd00:${String(number)}:0:4::/64`], [`fd00:${String(number)}::/64`, `fd00:${String(number)}:0:1::/64`]];
}

function familyFacts(family: 4 | 6, number: number): fc.Arbitrary<FamilyFacts> {
  return fc
    .record({
      subnets: fc.constantFrom(...subnets(family, number)),
      mode: fc.constantFrom(...MODES),
      masquerade: fc.boolean(),
      source: fc.constantFrom(undefined, family === 4 ? '198.51.100.7' : '2001:db8::7'),
    })
    .map(({ source, ...rest }) => ({ ...rest, family, ...(source === undefined ? {} : { source }) }));
}

function network(bridge: string, number: number): fc.Arbitrary<NetworkFacts> {
  return fc
    .record({
      icc: fc.boolean(),
      internal: fc.boolean(),
      v4: fc.option(familyFacts(4, number)),
      v6: fc.option(familyFacts(6, number)),
      trustedInterfaces: fc.constantFrom([], ['eth0'], ['eth0', 'wg1']),
    })
    .map(({ v4, v6, ...rest }) => ({ kind: 'network', bridge, families: [v4, v6].filter((family) => family !== null), ...rest }));
}

/** A fact that may be there or not, and be different another time: what it is about decides its place. */
function perhaps<F extends Fact>(fact: fc.Arbitrary<F>): fc.Arbitrary<F[]> {
  return fc.option(fact, { freq: 3 }).map((one) => (one === null ? [] : [one]));
}

function published(family: 4 | 6, protocol: (typeof PROTOCOLS)[number], hostPort: number, hostAddress: string | undefined): fc.Arbitrary<Fact> {
  const on = hostAddress === undefined ? {} : { hostAddress };
  const address = family === 4 ? fc.constantFrom('10.1.0.2', '10.1.0.3') : fc.constantFrom('fd00:1::2', 'fd00:1::3');
  return fc.record({ address, port: fc.constantFrom(80, 8080) }).map((to): Fact => ({ kind: 'published-port', family, protocol, hostPort, bridge: 'br-a', ...on, ...to }));
}

const LINKS: readonly Fact[] = [
  { kind: 'bridge-port', link: 'veth1', bridge: 'br-a' },
  { kind: 'bridge-port', link: 'veth2', bridge: 'br-a' },
  { kind: 'guard', family: 4, link: 'eth0' },
  { kind: 'guard', family: 6, link: 'eth0' },
  { kind: 'guard', family: 4, link: 'br9' },
  { kind: 'uplink', link: 'br9' },
  { kind: 'tunnel-end', family: 4, address: '192.0.2.1' },
  { kind: 'tunnel-link', link: 'wg7' },
  { kind: 'encrypted-port', port: 4795 },
  { kind: 'encrypted-vxlan', port: 4789, vni: 7 },
  { kind: 'encrypted-vxlan', port: 4789, vni: 0xffffff },
  { kind: 'foreign-bridge', link: 'docker0' },
  { kind: 'open-port', family: 4, protocol: 'tcp', bridge: 'br-b', address: '10.2.0.2', port: 80 },
  { kind: 'open-port', family: 6, protocol: 'udp', bridge: 'br-b', address: 'fd00:2::2', port: 53 },
];

/** Random facts that can be true together. Drawn twice, they share some, lack some and contradict each other in some. */
export const randomFacts: fc.Arbitrary<readonly Fact[]> = fc
  .tuple(
    ...BRIDGES.map((bridge, index) => perhaps(network(bridge, index + 1))),
    ...PROTOCOLS.map((protocol) => perhaps(published(4, protocol, 8080, undefined))),
    perhaps(published(4, 'tcp', 8081, '127.0.0.1')),
    perhaps(published(4, 'tcp', 8081, '198.51.100.7')),
    perhaps(published(6, 'tcp', 8080, undefined)),
    perhaps(published(6, 'udp', 8081, '2001:db8::7')),
    ...LINKS.map((fact) => perhaps(fc.constant(fact))),
  )
  .map((facts) => facts.flat());
