/** Numbers of DHCP for IPv6 (RFC 8415). */

/** UDP ports. */
export const DHCP6_PORT = { SERVER: 547, CLIENT: 546 } as const;

/** All DHCP relay agents and servers of the link. */
export const DHCP6_SERVERS = 'ff02::1:2';

/** Types of messages. */
export const DHCP6_TYPE = { SOLICIT: 1, ADVERTISE: 2, REQUEST: 3, RENEW: 5, REBIND: 6, REPLY: 7, RELEASE: 8, DECLINE: 9 } as const;

/** Options that we send, or look at. */
export const DHCP6_OPTION = {
  CLIENT_ID: 1, SERVER_ID: 2, IA_NA: 3, ADDRESS: 5, WANTED: 6, ELAPSED: 8, STATUS: 13,
  /** RFC 3646 */
  DNS: 23,
  SEARCH: 24,
  /** RFC 4704 */
  FQDN: 39,
} as const;
