import { address4, NETWORK } from '../inside/addresses.ts';
import { copyRules, newRules, savedRules } from '../inside/copied-rules.ts';
import { makeGhosts } from '../inside/ghosts.ts';
import { spawned } from '../inside/spawned.ts';
import type { Endpoint, Peer } from './peer.ts';

const PROGRAM = '/usr/lib/podman/netavark';
const BRIDGE = 'podman1';

/** What Podman starts for each container; addresses are Podman's to choose, so they are given. */
export class NetavarkPeer implements Peer {
  async attach(endpoint: Endpoint): Promise<void> {
    await spawned(PROGRAM, ['setup', endpoint.namespace], { input: this.#request(endpoint) });
  }

  async detach(endpoint: Endpoint): Promise<void> {
    await spawned(PROGRAM, ['teardown', endpoint.namespace], { input: this.#request(endpoint) });
  }

  async populate(endpoints: readonly Endpoint[]): Promise<void> {
    const [first, second, ...others] = endpoints;
    if (first === undefined) return;
    // it leaves bridge and chains behind with the first one, and takes them away with the last
    await this.attach(first);
    if (second === undefined) return;
    const before = await savedRules('iptables');
    await this.attach(second);
    const words = (endpoint: Endpoint): Record<string, string> => ({
      [idOf(second)]: idOf(endpoint),
      [String(second.hostPorts[0])]: String(endpoint.hostPorts[0]),
      [address4(second.number)]: address4(endpoint.number),
    });
    await copyRules('iptables', newRules(before, await savedRules('iptables')), others.map(words));
    await makeGhosts(others, { bridge: BRIDGE, families: 4, chatty: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #request(endpoint: Endpoint): string {
    const { name, number, hostPorts } = endpoint;
    return JSON.stringify({
      container_id: idOf(endpoint),
      container_name: name,
      networks: { bench: { interface_name: 'eth0', static_ips: [address4(number)] } },
      network_info: {
        bench: {
          name: 'bench',
          id: 'b'.repeat(64),
          driver: 'bridge',
          network_interface: BRIDGE,
          subnets: [{ subnet: NETWORK.subnet4, gateway: NETWORK.gateway4 }],
          ipv6_enabled: false,
          internal: false,
          dns_enabled: false,
          ipam_options: { driver: 'host-local' },
        },
      },
      port_mappings: hostPorts.map((port) => ({ container_port: 80, host_ip: '', host_port: port, protocol: 'tcp', range: 1 })),
    });
  }
}

function idOf({ number }: Endpoint): string {
  return number.toString(16).padStart(64, '0');
}
