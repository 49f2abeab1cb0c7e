import type { DnsServer } from '../dns/dns-server.ts';
import type { DnsCounts } from '../dns/dns-stats.ts';

/** The kernel chooses the ports when the sockets are opened: any two do for an explanation. */
const PORTS = { udp: 40_053, tcp: 40_053 } as const;

const NOTHING: DnsCounts = { queries: 0, local: 0, forwarded: 0, cached: 0, nxdomain: 0, servfail: 0, refused: 0, dropped: 0, malformed: 0, timeouts: 0, latency: [] };

const nothing = async (): Promise<void> => {};

/** A name server that serves nobody: for a rehearsal. */
export async function rehearsalNames(): Promise<DnsServer> {
  return {
    update: nothing,
    listen: async () => PORTS,
    unlisten: nothing,
    listenOnGateway: nothing,
    unlistenOnGateway: nothing,
    stats: async () => ({ all: NOTHING, askers: [] }),
    [Symbol.asyncDispose]: nothing,
  };
}
