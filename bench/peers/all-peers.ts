import { Engine } from '../../test/support/engine.ts';
import type { PrivateHost } from '../../test/support/host.ts';
import { Daemon } from '../daemon.ts';
import { ApiPeer } from './api.ts';
import { CniPeer } from './cni.ts';
import { DockerPeer } from './docker.ts';
import { IpBatchPeer } from './ip-batch.ts';
import { LibraryPeer } from './library.ts';
import { NetavarkPeer } from './netavark.ts';
import { NetlinkPeer } from './netlink.ts';
import type { PeerKind } from './peer.ts';

const ENGINE = { packages: ['docker.io', 'containerd', 'runc'], program: '/usr/sbin/dockerd', perRound: 3, families: 4 } as const;
const CNI = { packages: ['containernetworking-plugins'], program: '/usr/lib/cni/portmap', perRound: 3 } as const;
const NETAVARK = { packages: ['netavark'], program: '/usr/lib/podman/netavark', perRound: 2 } as const;
const NFT = { packages: ['nftables', 'libnftables1'], program: '/usr/sbin/nft' } as const;

/** Every row, ours first. */
export const PEERS: readonly PeerKind[] = [
  { name: 'api', title: 'netctl, API of the daemon', families: 4, ...NFT, perRound: 20, prepare: daemon, open: () => ApiPeer.open(4) },
  { name: 'library', title: 'netctl, library in process', families: 4, ...NFT, perRound: 20, open: () => LibraryPeer.open() },
  { name: 'netlink', title: 'raw netlink and libnftables, nothing else', families: 4, ...NFT, perRound: 20, open: () => NetlinkPeer.open(4) },
  { name: 'ip', title: 'ip -batch, nft -f', families: 4, ...NFT, perRound: 6, open: () => IpBatchPeer.open(4) },
  { name: 'cni', title: 'CNI bridge, host-local, portmap', families: 4, ...CNI, open: async () => new CniPeer(4) },
  { name: 'netavark', title: 'netavark setup, teardown', families: 4, ...NETAVARK, open: async () => new NetavarkPeer() },
  { name: 'docker-bridge', title: 'docker network connect, -d bridge', ...ENGINE, prepare: engine, open: () => DockerPeer.open('bridge') },
  { name: 'docker-tsbridge', title: 'docker network connect, -d tsbridge', ...ENGINE, prepare: engineWithPlugin, open: () => DockerPeer.open('tsbridge') },
  { name: 'api6', title: 'netctl, API, IPv4 and IPv6', families: 46, ...NFT, perRound: 20, prepare: daemon, open: () => ApiPeer.open(46) },
  { name: 'netlink6', title: 'raw netlink, IPv4 and IPv6', families: 46, ...NFT, perRound: 20, open: () => NetlinkPeer.open(46) },
  { name: 'ip6', title: 'ip -batch, nft -f, IPv4 and IPv6', families: 46, ...NFT, perRound: 6, open: () => IpBatchPeer.open(46) },
  { name: 'cni6', title: 'CNI, IPv4 and IPv6', families: 46, ...CNI, open: async () => new CniPeer(46) },
];

/** Those of these names, or all of them. */
export function choosePeers(names: readonly string[] | undefined): readonly PeerKind[] {
  return PEERS.filter(({ name }) => names?.includes(name) ?? true);
}

async function daemon(host: PrivateHost): Promise<AsyncDisposable> {
  return Daemon.start(host);
}

async function engine(host: PrivateHost): Promise<AsyncDisposable> {
  return Engine.start(host);
}

async function engineWithPlugin(host: PrivateHost): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  stack.use(await Daemon.start(host, '/run/docker/plugins'));
  stack.use(await Engine.start(host));
  return stack.move();
}
