/** Numbers of DHCP for IPv4 (RFC 2131, RFC 2132). */

/** UDP ports. */
export const DHCP_PORT = { SERVER: 67, CLIENT: 68 } as const;

/** Values of option 53. */
export const DHCP_TYPE = { DISCOVER: 1, OFFER: 2, REQUEST: 3, DECLINE: 4, ACK: 5, NAK: 6, RELEASE: 7 } as const;

/** Options that we send, or look at. */
export const DHCP_OPTION = {
  PAD: 0,
  MASK: 1,
  ROUTER: 3,
  DNS: 6,
  HOSTNAME: 12,
  DOMAIN: 15,
  MTU: 26,
  REQUESTED: 50,
  LEASE_TIME: 51,
  OVERLOAD: 52,
  TYPE: 53,
  SERVER: 54,
  WANTED: 55,
  TEXT: 56,
  MOST: 57,
  RENEW: 58,
  REBIND: 59,
  CLIENT_ID: 61,
  /** RFC 3397 */
  SEARCH: 119,
  /** RFC 3442 */
  ROUTES: 121,
  END: 255,
} as const;
