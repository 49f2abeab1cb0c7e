import IPCIDR from 'ip-cidr';
import { parseCidr } from './cidr.ts';
import type { Cidr } from './cidr.ts';
import { NetworkError } from './error.ts';
import { quote } from './quote.ts';

/** Longest text of a subnet: a full IPv6 address with an IPv4 tail, and `/128`. */
const LONGEST = 49;

/**
 * A subnet as a person or a program outside typed it. It must satisfy `ip-cidr` and the strict
 * parser, which has the last word and does all the calculating: ip-cidr takes
 * `::ffff:10.0.0.0/120` for a single address, and `fe80::%eth0/64` for a subnet.
 *
 * @throws {NetworkError} INVALID, naming the text and the rule
 */
export function cidrFromUser(text: string): Cidr {
  const trimmed = text.trim();
  if (trimmed.length > LONGEST) throw new NetworkError('INVALID', `${quote(text)} is not a subnet: it is too long`);
  const cidr = parseCidr(trimmed);
  if (!IPCIDR.isValidCIDR(trimmed)) {
    throw new NetworkError('INVALID', `${quote(text)} is not a subnet: write it as 10.0.0.0/24 or 2001:db8::/64`);
  }
  return cidr;
}
