import { quote } from '../../common/quote.ts';
import type { DhcpMessage } from './message.ts';
import { DHCP_OPTION } from './protocol.ts';

/**
 * A DHCPNAK in words; some servers say why (RFC 2132 §9.9).
 * @param address plain: that was asked for
 * @param server plain address, or the MAC address of one that does not name itself
 */
export function refusalOf({ options }: DhcpMessage, address: string, server: string): string {
  const text = options.get(DHCP_OPTION.TEXT);
  return `DHCP server ${server} refused ${address}${text === undefined ? '' : `: ${quote(Buffer.from(text).toString())}`}`;
}
