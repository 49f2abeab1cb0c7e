/** Numbers of the DNS protocol, as the IANA registry "Domain Name System (DNS) Parameters" has them. */

/** Length of a message's header (RFC 1035 §4.1.1). */
export const HEADER = 12;

/** Where a message's numbers stand (RFC 1035 §4.1.1). */
export const AT = { ID: 0, FLAGS: 2, QUESTIONS: 4, ANSWERS: 6, AUTHORITIES: 8, ADDITIONALS: 10 } as const;

/** Bits of the header's second word (RFC 1035 §4.1.1, RFC 4035 §3.2). */
export const FLAG = {
  RESPONSE: 0x8000,
  OPCODE: 0x7800,
  AUTHORITATIVE: 0x0400,
  TRUNCATED: 0x0200,
  RECURSION_DESIRED: 0x0100,
  RECURSION_AVAILABLE: 0x0080,
  AUTHENTIC_DATA: 0x0020,
  CHECKING_DISABLED: 0x0010,
  RCODE: 0x000f,
} as const;

/** Record and query types (RFC 1035 §3.2.2, 3596, 2782, 6891, 5936, 1995, 8482). */
export const TYPE = { A: 1, CNAME: 5, SOA: 6, PTR: 12, AAAA: 28, SRV: 33, OPT: 41, IXFR: 251, AXFR: 252, ANY: 255 } as const;

/** The class of everything that has a name here. */
export const CLASS_IN = 1;

/** Response codes (RFC 1035 §4.1.1, 6891 §9). */
export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 } as const;

/** What UDP carries without EDNS (RFC 1035 §4.2.1), and what we send and take with it: no link cuts that into pieces (DNS flag day 2020). */
export const UDP_SIZE = { PLAIN: 512, EDNS: 1232 } as const;
