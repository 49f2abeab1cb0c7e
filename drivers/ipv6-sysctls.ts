import type { SysctlState } from '../src/kernel/link-state.ts';

/**
 * IPv6 on or off for a link. Where it is on, addresses come from us and nowhere else; and without
 * DAD, because a link-local address in DAD sends no neighbour solicitation for what it forwards:
 * a new network would be deaf for two seconds.
 * @param learns what it takes from router advertisements: its default route, or its addresses too
 */
export function ipv6Sysctls(link: string, on: boolean, learns: 'nothing' | 'route' | 'everything' = 'nothing'): SysctlState[] {
  const base = `net/ipv6/conf/${link}`;
  if (!on) return [{ key: `${base}/disable_ipv6`, value: '1' }];
  return [
    { key: `${base}/disable_ipv6`, value: '0' },
    { key: `${base}/accept_ra`, value: learns === 'nothing' ? '0' : '1' },
    ...(learns === 'nothing' ? [] : [{ key: `${base}/autoconf`, value: learns === 'everything' ? '1' : '0' }]),
    // Whoever makes up an address has to ask whether it is free.
    { key: `${base}/accept_dad`, value: learns === 'everything' ? '1' : '0' },
  ];
}
