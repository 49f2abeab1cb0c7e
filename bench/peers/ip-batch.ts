import { openKernel } from '../../src/kernel/open-kernel.ts';
import { address4, address6, NETWORK } from '../inside/addresses.ts';
import { RAW_TABLE, rawBridge, rawEndpoint, rawPorts } from '../inside/raw-ops.ts';
import { spawned } from '../inside/spawned.ts';
import type { Endpoint, Peer } from './peer.ts';

const BRIDGE = 'hand0';

/** A careful shell script: `ip -batch` once for the host's side and once for the namespace's, `nft -f` for the ports. */
export class IpBatchPeer implements Peer {
  readonly #families: 4 | 46;

  private constructor(families: 4 | 46) {
    this.#families = families;
  }

  static async open(families: 4 | 46): Promise<IpBatchPeer> {
    await using kernel = await openKernel();
    await kernel.apply([{ op: 'nft', script: RAW_TABLE }, ...rawBridge(BRIDGE, families)]);
    return new IpBatchPeer(families);
  }

  async attach({ number, namespace, hostPorts }: Endpoint): Promise<void> {
    const six = this.#families === 46;
    const space = namespace.replace('/run/netns/', '');
    const port = `hd${String(number)}`;
    await spawned('ip', ['-batch', '-'], {
      input: [
        // without link-local addresses nothing is flooded, as with disable_ipv6
        `link add ${port} type veth peer name eth0 netns ${space}`,
        `link set ${port} addrgenmode none`,
        `link set ${port} master ${BRIDGE} up`,
      ].join('\n'),
    });
    await spawned('ip', ['-n', space, '-batch', '-'], {
      input: [
        ...(six ? [] : ['link set eth0 addrgenmode none']),
        `address add ${address4(number)}/16 dev eth0`,
        ...(six ? [`address add ${address6(number)}/64 dev eth0 nodad`] : []),
        'link set eth0 up',
        `route add default via ${NETWORK.gateway4}`,
        ...(six ? [`route add default via ${NETWORK.gateway6}`] : []),
      ].join('\n'),
    });
    if (hostPorts.length > 0) await this.#nft(rawPorts('add', number, hostPorts, this.#families));
  }

  async detach({ number, hostPorts }: Endpoint): Promise<void> {
    if (hostPorts.length > 0) await this.#nft(rawPorts('delete', number, hostPorts, this.#families));
    await spawned('ip', ['link', 'delete', `hd${String(number)}`]);
  }

  async populate(endpoints: readonly Endpoint[]): Promise<void> {
    await using kernel = await openKernel();
    const place = { bridge: BRIDGE, families: this.#families };
    await kernel.apply(
      endpoints.flatMap(({ number, namespace, hostPorts }) => [
        ...rawEndpoint(`hd${String(number)}`, namespace, number, place),
        { op: 'nft', script: rawPorts('add', number, hostPorts, this.#families) } as const,
      ]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #nft(script: string): Promise<void> {
    await spawned('nft', ['-f', '-'], { input: script });
  }
}
