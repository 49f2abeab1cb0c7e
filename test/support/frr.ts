import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type Mocha from 'mocha';
import type { Background } from './background.ts';
import { findProgram } from './find-program.ts';
import type { PrivateHost } from './host.ts';
import { skip } from './skip.ts';

/** Skips the suite where there is no FRR. */
export function needFrr(context: Mocha.Context): void {
  if (findProgram('usr/lib/frr/bgpd') === undefined) skip(context, 'program frr (scripts/setup brings it)');
}

/** FRR's zebra and bgpd in a private host: BGP EVPN (RFC 7432, RFC 8365) with all VNIs that it has, as docs/evpn.md says. */
export class Frr implements AsyncDisposable {
  readonly #processes: readonly Background[];

  private constructor(processes: readonly Background[]) {
    this.#processes = processes;
  }

  /** @param peers plain addresses of the others, which are in the same autonomous system */
  static async start(host: PrivateHost, peers: readonly string[]): Promise<Frr> {
    const { root = '/' } = findProgram('usr/lib/frr/bgpd') ?? {};
    const libraries = readdirSync(join(root, 'usr/lib')).flatMap((name) => (name.endsWith('-linux-gnu') ? [join(root, 'usr/lib', name), join(root, 'usr/lib', name, 'frr')] : []));
    const neighbours = peers.map((peer) => ` neighbor ${peer} remote-as 65000\n neighbor ${peer} timers 1 3\n neighbor ${peer} timers connect 1`);
    const bgp = `router bgp 65000
 bgp router-id ${host.address4}
 no bgp default ipv4-unicast
${neighbours.join('\n')}
 address-family l2vpn evpn
${peers.map((peer) => `  neighbor ${peer} activate`).join('\n')}
  advertise-all-vni
 exit-address-family
`;
    // What the package's own scripts would make.
    await host.sh(`grep -q ^frrvty: /etc/group || echo frrvty:x:65000:root >>/etc/group; mkdir -p /run/frr; mount -t tmpfs tmpfs /var/tmp; echo 'log stdout' >/run/frr/zebra.conf; cat >/run/frr/bgpd.conf`, { input: `log stdout\n${bgp}` });
    const start = (daemon: string): Promise<Background> =>
      host.spawn([join(root, 'usr/lib/frr', daemon), '-u', 'root', '-g', 'root', '-f', `/run/frr/${daemon}.conf`, '-i', `/run/frr/${daemon}.pid`, '-z', '/run/frr/zserv.api', '--vty_socket', '/run/frr', '-P', '0'], {
        env: root === '/' ? {} : { LD_LIBRARY_PATH: libraries.join(':') },
      });
    const zebra = await start('zebra');
    while (!(await host.exec(['test', '-S', '/run/frr/zserv.api'], { allowFail: true }).then(({ code }) => code === 0))) if (!zebra.running) throw new Error(`zebra has ended: ${zebra.output}`);
    return new Frr([await start('bgpd'), zebra]);
  }

  /** What both have said. */
  get log(): string {
    return this.#processes.map(({ output }) => output).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#processes) await process[Symbol.asyncDispose]();
  }
}
