import type { SysctlState } from '../src/kernel/link-state.ts';

/**
 * IPv6 on or off for a link. Where it is on, addresses come from us and nowhere else; and without
 * DAD, because a link-local address in DAD sends no neighbour solicitation for what it forwards:
 * a new network would be deaf for two seconds.
 * @param learns whether it takes its default route from router advertisements
 */
export function ipv6Sysctls(link: string, on: boolean, learns = false): SysctlState[] {
  const base = `net/ipv6/conf/${link}`;
  if (!on) return [{ key: `${base}/disable_ipv6`, value: '1' }];
  return [
    { key: `${base}/disable_ipv6`, value: '0' },
    { key: `${base}/accept_ra`, value: learns ? '1' : '0' },
    ...(learns ? [{ key: `${base}/autoconf`, value: '0' }] : []),
    { key: `${base}/accept_dad`, value: '0' },
  ];
}
