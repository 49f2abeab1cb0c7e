import { createNetwork, createSandbox } from '../../src/api/calls.ts';
import type { PrivateHost } from '../../test/support/host.ts';
import { Daemon } from '../daemon.ts';

/** Two namespaces on one bridge; port 80 of one is published. */
export interface TwoSandboxes {
  readonly client: string;
  readonly server: string;
  readonly serverAddress: string;
  readonly hostPort: number;
}

/** What both ways of making them give. */
export const SANDBOXES: TwoSandboxes = { client: 'client', server: 'server', serverAddress: '10.90.0.3', hostPort: 8080 };

/** As our daemon makes them. */
export async function ours(host: PrivateHost): Promise<AsyncDisposable> {
  const daemon = await Daemon.start(host);
  const { client } = daemon;
  await client.send(createNetwork({ name: 'bench', subnets: ['10.90.0.0/24'] }));
  await client.send(createSandbox({ name: 'client', networks: [{ network: 'bench', ipv4: '10.90.0.2' }] }));
  await client.send(createSandbox({ name: 'server', networks: [{ network: 'bench', ipv4: '10.90.0.3' }], ports: ['8080:80'] }));
  return daemon;
}

/** As somebody with `ip` and `nft` makes them. */
export async function handMade(host: PrivateHost): Promise<void> {
  await host.sh(`
    sysctl -qw net.ipv4.ip_forward=1
    ip link add hand0 type bridge
    ip address add 10.90.0.1/24 dev hand0
    ip link set hand0 up
    for name in client server; do
      ip netns add $name
      ip link add $name type veth peer name eth0 netns $name
      ip link set $name master hand0 up
      ip -n $name link set lo up
      ip -n $name link set eth0 up
    done
    ip -n client address add 10.90.0.2/24 dev eth0
    ip -n server address add 10.90.0.3/24 dev eth0
    for name in client server; do ip -n $name route add default via 10.90.0.1; done
    nft -f - <<'END'
table inet hand {
  chain prerouting { type nat hook prerouting priority -100; tcp dport 8080 fib daddr type local dnat ip to 10.90.0.3:80; }
  chain postrouting { type nat hook postrouting priority 100; ip saddr 10.90.0.0/24 ip daddr != 10.90.0.0/24 masquerade; }
}
END`);
}
