import { Namespaces } from '../../src/kernel/netns.ts';
import { NetlinkSession, type NetlinkOp } from '../../src/kernel/netlink-session.ts';
import { NftLibrary } from '../../src/kernel/nft-library.ts';
import { HOST } from '../../src/kernel/op.ts';
import { RAW_TABLE, rawBridge, rawEndpoint, rawPorts } from '../inside/raw-ops.ts';
import type { Endpoint, Peer } from './peer.ts';

const BRIDGE = 'hand0';

/** The floor: the kernel calls alone, in process, without a daemon, a record of what was done, or a way back. */
export class NetlinkPeer implements Peer {
  readonly #namespaces = new Namespaces();
  readonly #nft: NftLibrary;
  readonly #families: 4 | 46;

  private constructor(families: 4 | 46, nft: NftLibrary) {
    this.#families = families;
    this.#nft = nft;
  }

  static async open(families: 4 | 46): Promise<NetlinkPeer> {
    const nft = NftLibrary.open();
    if (nft === undefined) throw new Error('libnftables.so.1 is missing');
    nft.run(RAW_TABLE);
    const peer = new NetlinkPeer(families, nft);
    peer.#run(rawBridge(BRIDGE, families) as NetlinkOp[]);
    return peer;
  }

  async attach({ number, namespace, hostPorts }: Endpoint): Promise<void> {
    this.#run(rawEndpoint(`hd${String(number)}`, namespace, number, { bridge: BRIDGE, families: this.#families }) as NetlinkOp[]);
    if (hostPorts.length > 0) this.#nft.run(rawPorts('add', number, hostPorts, this.#families));
  }

  async detach({ number, hostPorts }: Endpoint): Promise<void> {
    if (hostPorts.length > 0) this.#nft.run(rawPorts('delete', number, hostPorts, this.#families));
    this.#run([{ op: 'link-delete', namespace: HOST, name: `hd${String(number)}` }]);
  }

  async populate(endpoints: readonly Endpoint[]): Promise<void> {
    for (const endpoint of endpoints) await this.attach(endpoint);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#nft[Symbol.dispose]();
    this.#namespaces[Symbol.dispose]();
  }

  #run(ops: readonly NetlinkOp[]): void {
    using session = new NetlinkSession(this.#namespaces);
    for (const op of ops) session.run(op);
  }
}
