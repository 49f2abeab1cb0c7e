import { formatAddress, tryParseAddress } from '../common/address.ts';

/** What some versions of iptables-save call what others call by name (libxtables: xtables_chain_protos). */
const PROTOCOLS: Readonly<Record<string, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'ipv6-icmp', 132: 'sctp', icmpv6: 'ipv6-icmp' };

/**
 * The text of a rule in the words that {@link iptablesRules} uses, whichever version of iptables-save
 * and whichever C library printed it: they differ in the names of protocols and in how they shorten
 * IPv6 addresses. A rule that is not ours may come out as nonsense, but never as one of ours.
 *
 * @param text what follows `-A CHAIN `
 */
export function canonicalRule(text: string): string {
  return text
    .replace(/(?<=(?:^| )-p )\S+/, (name) => PROTOCOLS[name] ?? name)
    .replace(/(?<=(?:^| )(?:-[sd]|--to-source) )[^ /]+/g, canonical)
    .replace(/(?<= --to-destination \[)[^\]]+/, canonical);
}

function canonical(text: string): string {
  const address = tryParseAddress(text);
  return address === undefined ? text : formatAddress(address);
}
