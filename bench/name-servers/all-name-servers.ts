import { startAardvark } from './aardvark.ts';
import { startDaemon, startDirect } from './netctl.ts';
import { startDnsmasq } from './dnsmasq.ts';
import { startEngine } from './docker.ts';
import type { NameServerKind } from './name-server.ts';

/** What asks all of them. */
const DNSPERF = { packages: ['dnsperf'], program: '/usr/bin/dnsperf' } as const;

/** Every row, ours first. */
export const NAME_SERVERS: readonly NameServerKind[] = [
  { name: 'netctl-dns', title: 'netctl, 127.0.0.11:53 in a sandbox', ...DNSPERF, start: startDaemon },
  { name: 'netctl-direct', title: 'the same server at its own port, without the redirect', ...DNSPERF, start: startDirect },
  { name: 'dnsmasq', title: 'dnsmasq, names from a hosts file', packages: ['dnsperf', 'dnsmasq-base'], program: '/usr/sbin/dnsmasq', start: startDnsmasq },
  { name: 'aardvark-dns', title: 'aardvark-dns, names from its network file', packages: ['dnsperf', 'aardvark-dns'], program: '/usr/lib/podman/aardvark-dns', start: startAardvark },
  { name: 'docker-dns', title: 'Docker engine, 127.0.0.11:53 in a container', packages: ['dnsperf', 'docker.io', 'containerd', 'runc'], program: '/usr/sbin/dockerd', start: startEngine },
];
