import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { AgentHome, AgentTask } from './firewall-agent.ts';
import { PrivateNet } from './private-net.ts';

/**
 * A host with everything that a packet filter has to tell apart, made by hand with `ip` in private
 * namespaces: `eth0` to a LAN, `eth1` to another one, bridges of ours with containers, a `docker0`
 * a `virbr0` and an uplink that is a bridge. Every node serves tcp and udp and says who reached it.
 */
export class FirewallLab implements AsyncDisposable {
  readonly #net: PrivateNet;
  readonly #agents: ReadonlyMap<string, Agent>;

  private constructor(net: PrivateNet, agents: ReadonlyMap<string, Agent>) {
    this.#net = net;
    this.#agents = agents;
  }

  /** Takes about a second. */
  static async start(): Promise<FirewallLab> {
    const net = await PrivateNet.start();
    net.run('sh', ['-e', '-c', SETUP]);
    const homes: AgentHome[] = NODES.map((name) => ({
      name,
      path: name === 'host' ? net.network : net.path(`/run/netns/${name}`),
      serve: name === 'host' ? HOST_SERVES : [80, 81, 8080].map((port) => ({ address: '::', port })),
    }));
    const agents = await Promise.all(homes.map(async (home) => [home.name, await Agent.start(home)] as const));
    return new FirewallLab(net, new Map(agents));
  }

  /** What enters the host, before a program's name. */
  get enter(): readonly string[] {
    return this.#net.enter;
  }

  /** Runs a program on the host; gives its output. @throws Error with what it said */
  host(program: string, args: readonly string[], input = ''): string {
    return this.#net.run(program, args, input);
  }

  /** Whether a ping from a node is answered within a time in ms. */
  async ping(name: string, address: string, timeout: number): Promise<boolean> {
    const [program = '', ...args] = this.#net.enter;
    const child = spawn(program, [...args, 'ip', 'netns', 'exec', name, 'ping', '-n', '-c', '1', '-W', String(timeout / 1000), address], { stdio: 'ignore' });
    const [code] = (await once(child, 'exit')) as [number | null];
    return code === 0;
  }

  /** MAC address of a link of the host, or of a node's `eth0`. */
  mac(place: { readonly link: string } | { readonly node: string }): string {
    const link = JSON.parse(this.host('ip', [...('node' in place ? ['-n', place.node] : []), '-j', 'link', 'show', 'link' in place ? place.link : 'eth0'])) as { address: string }[];
    return link[0]?.address ?? '';
  }

  /** Has a node do something. */
  ask(node: string, task: AgentTask): Promise<string> {
    const agent = this.#agents.get(node);
    if (agent === undefined) throw new Error(`there is no node ${node}`);
    return agent.ask(task);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.stop()));
    await this.#net[Symbol.asyncDispose]();
  }
}

class Agent {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (value: string) => void>();
  #next = 1;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', ({ id, value }: { id: number; value: string }) => {
      this.#waiting.get(id)?.(value);
      this.#waiting.delete(id);
    });
  }

  static async start(home: AgentHome): Promise<Agent> {
    const worker = new Worker(new URL('firewall-agent.ts', import.meta.url), { workerData: home });
    const agent = new Agent(worker);
    await new Promise<void>((resolve, reject) => {
      agent.#waiting.set(0, () => resolve());
      worker.once('error', reject);
    });
    return agent;
  }

  ask(task: AgentTask): Promise<string> {
    const id = this.#next++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#worker.postMessage({ id, task });
    });
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** The host's own: for all, for itself, and as a proxy does beside published ports. */
const HOST_SERVES = [
  { address: '::', port: 80 },
  { address: '127.0.0.1', port: 8000 },
  { address: '::1', port: 8080 },
];

/** Networks of ours: bridge, its number (10.N.0.0/24, fd00:N::/64), containers (`.2`, `.3` …). */
const OURS = [
  ['ta', 1, ['a1', 'a2']],
  ['tb', 2, ['b1', 'b2']],
  ['ti', 3, ['i1', 'i2']],
  ['tr', 4, ['r1']],
  ['tu', 5, ['u1']],
  ['ts', 6, ['s1']],
  ['tz', 7, ['z1']],
  ['tm', 8, ['m1']],
] as const;

const BRIDGED = [...OURS, ['docker0', 17, ['k1']] as const, ['virbr0', 18, ['q1']] as const];

/** Every node; `host` is in the middle. */
const NODES: readonly string[] = ['host', 'lan', 'far', 'up', 'vm', ...BRIDGED.flatMap(([, , names]) => names)];

/** Addresses of a node or of an end of the host (`host`, `host@eth1`, `host@ta`, `loopback`). */
export function addressOf(node: string, family: 4 | 6): string {
  const [v4, v6] = ADDRESSES.get(node) ?? [];
  const address = family === 4 ? v4 : v6;
  if (address === undefined) throw new Error(`${node} has no address`);
  return address;
}

const ADDRESSES: ReadonlyMap<string, readonly [string, string]> = new Map<string, readonly [string, string]>([
  ['lan', ['198.51.100.1', '2001:db8:100::1']],
  ['host', ['198.51.100.10', '2001:db8:100::10']],
  ['other', ['198.51.100.77', '2001:db8:100::77']],
  ['far', ['192.0.2.1', '2001:db8:101::1']],
  ['host@eth1', ['192.0.2.10', '2001:db8:101::10']],
  ['up', ['203.0.113.1', '2001:db8:113::1']],
  ['vm', ['203.0.113.2', '2001:db8:113::2']],
  ['host@br9', ['203.0.113.10', '2001:db8:113::10']],
  // every node of the LAN, as the host says it
  ['lan*', ['198.51.100.255', 'ff02::1%eth0']],
  ['loopback', ['127.0.0.1', '::1']],
  ...BRIDGED.flatMap(([name, number, nodes]) => [
    [`host@${name}`, [`10.${String(number)}.0.1`, `fd00:${String(number)}::1`]] as const,
    ...nodes.map((node, index) => [node, [`10.${String(number)}.0.${String(index + 2)}`, `fd00:${String(number)}::${String(index + 2)}`]] as const),
  ]),
]);

/** A line of `ip -batch`, in a namespace; '' is the host's. */
type Line = readonly [namespace: string, line: string];

function peer(node: string, near: string): Line[] {
  return [
    ['', `netns add ${node}`],
    ['', `link add ${near} type veth peer name eth0 netns ${node}`],
    ['', `link set ${near} up`],
    [node, 'link set lo up'],
  ];
}

function addresses(namespace: string, link: string, of: string): Line[] {
  return [`addr add ${addressOf(of, 4)}/24 dev ${link}`, `addr add ${addressOf(of, 6)}/64 dev ${link} nodad`, `link set ${link} up`].map((line) => [namespace, line]);
}

function defaults(node: string, via: string): Line[] {
  return [4, 6].map((family) => [node, `route add default via ${addressOf(via, family as 4 | 6)}`]);
}

function neighbour(node: string, near: string, end: string): Line[] {
  return [...peer(node, near), ...addresses(node, 'eth0', node), ...addresses('', end.split('@')[1] ?? 'eth0', end), ...defaults(node, end)];
}

function bridge(name: string, nodes: readonly string[]): Line[] {
  const ports = nodes.flatMap((node): Line[] => [
    ...peer(node, `v-${node}`),
    ['', `link set v-${node} master ${name}`],
    ['', `link set v-${node} type bridge_slave hairpin on`],
    ...addresses(node, 'eth0', node),
    ...defaults(node, `host@${name}`),
  ]);
  return [['', `link add ${name} type bridge`], ...addresses('', name, `host@${name}`), ...ports];
}

const LINES: readonly Line[] = [
  ['', 'link set lo up'],
  ...neighbour('lan', 'eth0', 'host'),
  ...neighbour('far', 'eth1', 'host@eth1'),
  ['', 'link add br9 type bridge'],
  ...neighbour('up', 'v-up', 'host@br9'),
  ['', 'link set v-up master br9'],
  ...peer('vm', 'v-vm'),
  ...addresses('vm', 'eth0', 'vm'),
  ['', 'link set v-vm master br9'],
  ...BRIDGED.flatMap(([name, , nodes]) => bridge(name, nodes)),
  // a second address of the host, which it takes as a source only when told to
  ['', `addr add ${addressOf('other', 4)}/24 dev eth0`],
  ['', `addr add ${addressOf('other', 6)}/64 dev eth0 nodad preferred_lft 0`],
  // goes to its sibling by the gateway instead of over the bridge
  ['b2', `route add ${addressOf('b1', 4)} via ${addressOf('host@tb', 4)}`],
  ['b2', `route add ${addressOf('b1', 6)} via ${addressOf('host@tb', 6)}`],
  // somebody on the LAN who pretends to be one of a network of ours
  ['lan', 'addr add 10.1.0.99/32 dev lo'],
  ['lan', 'addr add fd00:1::99/128 dev lo nodad'],
];

const BATCHES = [...Map.groupBy(LINES, ([namespace]) => namespace)].map(
  ([namespace, lines]) => `ip ${namespace === '' ? '' : `-n ${namespace} `}-batch - <<END\n${lines.map(([, line]) => line).join('\n')}\nEND`,
);

/** Attackers that address the host's loopback from outside: their own has to make room. */
const LOOPBACK_ATTACKERS = ['far', 'm1'].map(
  (node) => `ip netns exec ${node} sh -e -c '
    sysctl -qw net.ipv4.conf.all.route_localnet=1
    ip addr del 127.0.0.1/8 dev lo
    ip addr add 127.0.0.9/32 dev eth0
    ip route add 127.0.0.1/32 via $(ip -4 route show default | cut -d" " -f3)'`,
);

const SETUP = [
  // Until DAD is over a bridge asks for no neighbour.
  'sysctl -qw net.ipv6.conf.default.accept_dad=0',
  ...BATCHES,
  'sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0',
  ...OURS.map(([name]) => `sysctl -qw net.ipv4.conf.${name}.route_localnet=1`),
  ...LOOPBACK_ATTACKERS,
].join('\n');
