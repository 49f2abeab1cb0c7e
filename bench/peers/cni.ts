import { mkdir, writeFile } from 'node:fs/promises';
import { address4, address6, NETWORK } from '../inside/addresses.ts';
import { copyRules, newRules, savedRules, type Iptables } from '../inside/copied-rules.ts';
import { makeGhosts } from '../inside/ghosts.ts';
import { spawned } from '../inside/spawned.ts';
import type { Endpoint, Peer } from './peer.ts';

const FOLDER = '/usr/lib/cni';
const BRIDGE = 'cni0';

interface Result {
  readonly ips: readonly { readonly address: string }[];
}

/** The plugins bridge, host-local and portmap, started one after the other as a runtime has to (CNI specification, sections 2 and 4). */
export class CniPeer implements Peer {
  readonly #families: 4 | 46;
  readonly #results = new Map<string, string>();

  constructor(families: 4 | 46) {
    this.#families = families;
  }

  async attach(endpoint: Endpoint): Promise<void> {
    const result = await this.#plugin('ADD', 'bridge', endpoint, this.#bridge());
    this.#results.set(endpoint.name, result);
    if (endpoint.hostPorts.length > 0) await this.#plugin('ADD', 'portmap', endpoint, this.#portmap(endpoint));
  }

  async detach(endpoint: Endpoint): Promise<void> {
    if (endpoint.hostPorts.length > 0) await this.#plugin('DEL', 'portmap', endpoint, this.#portmap(endpoint));
    await this.#plugin('DEL', 'bridge', endpoint, this.#bridge());
  }

  async populate(endpoints: readonly Endpoint[]): Promise<void> {
    const [first, ...others] = endpoints;
    if (first === undefined) return;
    const programs: Iptables[] = this.#families === 46 ? ['iptables', 'ip6tables'] : ['iptables'];
    const before = await Promise.all(programs.map(savedRules));
    await this.attach(first);
    const addresses = (JSON.parse(this.#results.get(first.name) ?? '{"ips":[]}') as Result).ips.map(({ address }) => address.split('/')[0] ?? '');
    const words = (endpoint: Endpoint): Record<string, string> => ({
      [first.name]: endpoint.name,
      [String(first.hostPorts[0])]: String(endpoint.hostPorts[0]),
      ...Object.fromEntries(addresses.map((address) => [address, address.includes(':') ? address6(endpoint.number) : address4(endpoint.number)])),
    });
    for (const [index, program] of programs.entries()) {
      await copyRules(program, newRules(before[index] ?? [], await savedRules(program)), others.map(words));
    }
    // what host-local keeps: a file an address, holding whose it is
    const held = '/var/lib/cni/networks/bench';
    await mkdir(held, { recursive: true });
    for (const { name, number } of others) await writeFile(`${held}/${address4(number)}`, `${name}\r\neth0`);
    await makeGhosts(others, { bridge: BRIDGE, families: this.#families, chatty: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #bridge(): object {
    const ranges = [[{ subnet: NETWORK.subnet4 }], ...(this.#families === 46 ? [[{ subnet: NETWORK.subnet6 }]] : [])];
    const routes = [{ dst: '0.0.0.0/0' }, ...(this.#families === 46 ? [{ dst: '::/0' }] : [])];
    return { type: 'bridge', bridge: BRIDGE, isGateway: true, ipMasq: true, hairpinMode: true, ipam: { type: 'host-local', ranges, routes } };
  }

  #portmap({ name, hostPorts }: Endpoint): object {
    const portMappings = hostPorts.map((hostPort) => ({ hostPort, containerPort: 80, protocol: 'tcp' }));
    const prevResult: unknown = JSON.parse(this.#results.get(name) ?? 'null');
    return { type: 'portmap', capabilities: { portMappings: true }, snat: true, runtimeConfig: { portMappings }, prevResult };
  }

  #plugin(command: 'ADD' | 'DEL', plugin: string, { name, namespace }: Endpoint, config: object): Promise<string> {
    return spawned(`${FOLDER}/${plugin}`, [], {
      input: JSON.stringify({ cniVersion: '0.4.0', name: 'bench', ...config }),
      env: { PATH: process.env['PATH'] ?? '', CNI_COMMAND: command, CNI_CONTAINERID: name, CNI_NETNS: namespace, CNI_IFNAME: 'eth0', CNI_PATH: FOLDER },
    });
  }
}
