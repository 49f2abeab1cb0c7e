import { bitsOf, parseAddress, type Family } from '../common/address.ts';
import { isLoopback, isUnspecified } from '../common/address-scope.ts';
import type { EncryptedVxlanFacts, Fact, FamilyFacts, NetworkFacts, PublishedPortFacts } from './facts.ts';
import { PUBLISHED, SET_BIT } from './iptables-shape.ts';
import { ruleAddress, ruleInterface, rulePort, ruleProtocol, ruleSubnet, ruleVni } from './rule-text.ts';

/** One rule of ours in a chain of ours. */
export interface IptablesRule {
  readonly family: 4 | 6 | 'bridge';
  /** Role of the chain. */
  readonly chain: string;
  /** Right behind the head of the chain, or at its end (chains without tail only). */
  readonly place: 'front' | 'end';
  /** In the words in which iptables-save prints it; `{X}` stands for the full name of our chain X. */
  readonly spec: string;
}

/**
 * The rules of a fact. As in the nft back end each fact answers for itself alone.
 *
 * @throws {NetworkError} INVALID for a name, address or port that cannot stand in a rule
 */
export function iptablesRules(fact: Fact): IptablesRule[] {
  switch (fact.kind) {
    case 'network':
      return [...both((family) => networkRules(fact, family)), ...fact.families.flatMap((family) => familyRules(fact, family))];
    case 'bridge-port': {
      const link = ruleInterface(fact.link);
      return [rule('bridge', 'SEPARATE', `-i ${link} -j {SEPARATE-OUT}`), rule('bridge', 'SEPARATE-OUT', `-o ${link} -j DROP`)];
    }
    case 'published-port':
      return publishedRules(fact);
    case 'open-port': {
      const { family, protocol } = fact;
      return [rule(family, 'TO-ROUTED', `-d ${withLength(ruleAddress(fact.address, family), family)} ${port(protocol, fact.port)} -g {ACCEPTED}`)];
    }
    case 'host-port': {
      const { family, bridge, protocol } = fact;
      return [rule(family, 'HOST', `-d ${withLength(ruleAddress(fact.address, family), family)} -i ${ruleInterface(bridge)} ${port(protocol, fact.port)} -g {ACCEPTED}`)];
    }
    case 'tunnel-port': {
      const tunnel = port('udp', fact.port);
      return [rule(fact.family, 'HOST', `${tunnel} -g {TUNNEL}`), rule(fact.family, 'TO-TUNNELS', `${tunnel} -j {PEERS}`)];
    }
    case 'tunnel-end':
      return [rule(fact.family, 'ENDS', `-d ${withLength(ruleAddress(fact.address, fact.family), fact.family)} -j RETURN`)];
    case 'tunnel-peer':
      return peerRules(fact.family, ruleAddress(fact.address, fact.family));
    case 'tunnel-range':
      return peerRules(fact.family, ruleSubnet(fact.subnet, fact.family));
    case 'tunnel-link': {
      const link = ruleInterface(fact.link);
      return both((family) => [
        rule(family, 'CLEAR', `-i ${link} -j RETURN`),
        rule(family, 'SENT', `-o ${link} -j RETURN`),
        end(rule(family, 'HOST', `-i ${link} -j DROP`)),
        rule(family, 'CLOSED', `-i ${link} -j DROP`),
        rule(family, 'CLOSED', `-o ${link} -j DROP`),
      ]);
    }
    case 'encrypted-port':
      return both((family) => [rule(family, 'HOST', `${port('udp', fact.port)} -g {ENCRYPTED}`)]);
    case 'encrypted-vxlan':
      return both((family) => encryptedRules(fact, family));
    case 'guard':
      return [end(rule(fact.family, 'GUARD', `-i ${ruleInterface(fact.link)} -j DROP`))];
    case 'uplink': {
      const link = ruleInterface(fact.link);
      return both((family) => [passesOn(family, link)]); // every way out is open that is not a foreign bridge
    }
    case 'foreign-bridge': {
      const link = ruleInterface(fact.link);
      return both((family) => [rule(family, 'ELSEWHERE', `-o ${link} -j RETURN`), passesOn(family, link)]);
    }
  }
}

/** Whose tunnels are let in, and who takes ours. */
function peerRules(family: 4 | 6, address: string): IptablesRule[] {
  const addresses = withLength(address, family);
  return [rule(family, 'TUNNEL', `-s ${addresses} -g {ACCEPTED}`), rule(family, 'PEERS', `-d ${addresses} -j DROP`)];
}

/** What a bridge passes on without routing is not the guard's; `-m physdev` would say so, but switches br_netfilter on. */
function passesOn(family: 4 | 6, bridge: string): IptablesRule {
  return rule(family, 'GUARD', `-i ${bridge} -o ${bridge} -j RETURN`);
}

function networkRules({ bridge: name, icc, internal, trustedInterfaces }: NetworkFacts, family: 4 | 6): IptablesRule[] {
  const bridge = ruleInterface(name);
  return [
    rule(family, 'FORWARD', `-i ${bridge} -o ${bridge} -g ${icc ? '{ACCEPTED}' : '{INSIDE}'}`),
    rule(family, 'INNER', `-i ${bridge} -j DROP`),
    ...(icc ? [] : earlyBit(bridge, family)),
    ...(internal ? closed(bridge, family) : []),
    ...(family === 4 ? [rule(4, 'LEAVE', `-s 127.0.0.0/8 -o ${bridge} -j MASQUERADE`)] : []),
    ...trustedInterfaces.map((trusted) => rule(family, 'TO-NAT', `-i ${ruleInterface(trusted)} -o ${bridge} -g {ACCEPTED}`)),
  ];
}

/** ebtables asks for the bit before mangle FORWARD could set it: the first packet gets it in nat, later ones by their state. */
function earlyBit(bridge: string, family: 4 | 6): IptablesRule[] {
  return [rule(family, 'PUBLISH', `-i ${bridge} ${SET_BIT}`), rule(family, 'EARLY', `-i ${bridge} ${PUBLISHED} ${SET_BIT}`)];
}

function closed(bridge: string, family: 4 | 6): IptablesRule[] {
  return [rule(family, 'CLOSED', `-i ${bridge} ! -o ${bridge} -j DROP`), rule(family, 'CLOSED', `! -i ${bridge} -o ${bridge} -j DROP`)];
}

/**
 * What VXLAN packets of one network look like to `-m u32`, in the words of iptables-save: behind the IP header, the UDP header and four bytes.
 * It finds no way past the extension headers of IPv6, which VXLAN never has: what has any is meant too.
 */
function encryptedRules({ port: number, vni }: EncryptedVxlanFacts, family: 4 | 6): IptablesRule[] {
  const place = family === 4 ? '0x0>>0x16&0x3c@0xc>>0x8' : '0x34>>0x8';
  const matches = [`-m u32 --u32 "${place}=0x${ruleVni(vni).toString(16)}"`, ...(family === 4 ? [] : [`-m u32 --u32 "0x4>>0x8&0xff=0x0:0x10,0x12:0xff" -m comment --comment vni-${ruleVni(vni)}`])];
  return matches.flatMap((match) => ['CLEAR', 'SENT'].map((chain) => end(rule(family, chain, `${port('udp', number)} ${match} -j DROP`))));
}

const TOWARDS = { nat: '{TO-NAT}', 'nat-unprotected': '{ACCEPTED}', routed: '{TO-ROUTED}' } as const;

function familyRules({ bridge: name, internal }: NetworkFacts, { family, subnets, mode, masquerade, source }: FamilyFacts): IptablesRule[] {
  const bridge = ruleInterface(name);
  const blocks = subnets.map((subnet) => withLength(ruleSubnet(subnet, family), family));
  const known = blocks.flatMap((block) => [
    rule(family, 'RAW', `-s ${block} ! -i ${bridge} -j DROP`),
    rule(family, 'LEAVE', `-s ${block} -o ${bridge} ${PUBLISHED} -j MASQUERADE`),
  ]);
  if (internal) return known;
  if (mode === 'isolated') return [...known, ...closed(bridge, family)];
  const ways = [
    rule(family, 'FORWARD', `! -i ${bridge} -o ${bridge} -g ${TOWARDS[mode]}`),
    end(rule(family, 'FORWARD', `-i ${bridge} ! -o ${bridge} -g {FROM-OURS}`)),
  ];
  if (!masquerade || mode === 'routed') return [...known, ...ways];
  const target = source === undefined ? 'MASQUERADE' : `SNAT --to-source ${ruleAddress(source, family)}`;
  return [...known, ...ways, ...blocks.map((block) => rule(family, 'LEAVE', `-s ${block} ! -o ${bridge} -j ${target}`))];
}

function publishedRules({ family, protocol, hostAddress, hostPort, address, port: to }: PublishedPortFacts): IptablesRule[] {
  const target = ruleAddress(address, family);
  const translate = `${port(protocol, hostPort)} -j DNAT --to-destination ${family === 4 ? target : `[${target}]`}:${rulePort(to)}`;
  const host = hostAddress === undefined ? undefined : parseAddress(ruleAddress(hostAddress, family));
  if (hostAddress === undefined || host === undefined || isUnspecified(host)) return [end(rule(family, 'PORTS', translate))];
  if (family === 6 && isLoopback(host)) return []; // ::1 is the proxy's
  return [rule(family, 'PORTS', `-d ${withLength(ruleAddress(hostAddress, family), family)} ${translate}`)];
}

/** iptables-save prints a single address as a subnet of one. */
function withLength(block: string, family: Family): string {
  return block.includes('/') ? block : `${block}/${bitsOf(family)}`;
}

function port(name: string, number: number): string {
  const protocol = ruleProtocol(name);
  return `-p ${protocol} -m ${protocol} --dport ${rulePort(number)}`;
}

function both(rules: (family: 4 | 6) => IptablesRule[]): IptablesRule[] {
  return [...rules(4), ...rules(6)];
}

function rule(family: 4 | 6 | 'bridge', chain: string, spec: string): IptablesRule {
  return { family, chain, place: 'front', spec };
}

function end(one: IptablesRule): IptablesRule {
  return { ...one, place: 'end' };
}
