import type { Background } from './background.ts';
import type { Place } from './place.ts';

/** A dnsmasq that gives addresses, and the leases that it has written down. */
export interface Dnsmasq extends AsyncDisposable {
  readonly process: Background;
  /** Of each lease: plain address, hostname (`*` for none), client id as hex pairs with colons. */
  leases(): Promise<readonly { readonly address: string; readonly hostname: string; readonly clientId: string }[]>;
}

let started = 0;

/**
 * Starts a DHCP server; resolves when it serves.
 * @param link by which it serves
 * @param range `--dhcp-range=RANGE`; leases last two minutes, the least that it knows
 */
export async function startDnsmasq(place: Place, link: string, range: string, ...flags: readonly string[]): Promise<Dnsmasq> {
  started += 1;
  const file = `/run/dnsmasq-${started}.leases`;
  const process = await place.spawn([
    'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--port=0', `--interface=${link}`, '--bind-dynamic', '--pid-file=', '--user=root', '--log-dhcp',
    `--dhcp-range=${range},2m`, `--dhcp-leasefile=${file}`, '--no-ping', ...flags,
  ]);
  await process.waitFor(/DHCP(v6)?, (IP range|sockets)/);
  return {
    process,
    leases: async () => {
      const text = await place.sh(`cat ${file} 2>/dev/null || true`);
      return text.split('\n').flatMap((line) => {
        const [, , address, hostname, clientId] = line.split(' ');
        return address === undefined || hostname === undefined || clientId === undefined ? [] : [{ address, hostname, clientId }];
      });
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
