import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createNetwork, createSandbox, listNetworks } from '../../src/api/calls.ts';
import { findEtcd } from '../../test/support/etcd.ts';
import { PrivateHost } from '../../test/support/host.ts';
import { Lan } from '../../test/support/lan.ts';
import { ETCD_PORT, startEtcd } from '../../test/support/multi-host.ts';
import type { Place } from '../../test/support/place.ts';
import { Daemon } from '../daemon.ts';
import type { BenchOptions } from '../options.ts';
import type { Progress } from '../report/progress.ts';
import { quantile } from '../report/statistics.ts';
import type { Cell, Column, Table } from '../report/table.ts';
import { SIDE_BY_SIDE, SIDE_BY_SIDE_NOTE, sideBySide, type Path } from './side-by-side.ts';
import type { Scenario } from './scenario.ts';
import { BY_HAND, makeByHand } from './vxlan-by-hand.ts';

const NETWORK = 'bench';
const KNOCK = fileURLToPath(new URL('../inside/knock.ts', import.meta.url));

/** Of the uplinks of private hosts, bytes. */
const UNDERLAY_MTU = 1500;

const LATENCIES: readonly Column[] = [
  { key: 'what', head: 'what' },
  { key: 'count', head: 'n' },
  { key: 'p50', head: 'p50, ms', digits: 2 },
  { key: 'p99', head: 'p99', digits: 2 },
  { key: 'max', head: 'max', digits: 2 },
];

/** A network over hosts: TCP through it beside a VXLAN made by hand, and how soon a new endpoint is reached from elsewhere. */
export const overlay: Scenario = { name: 'overlay', run };

async function run(options: BenchOptions, progress: Progress): Promise<readonly Table[]> {
  const throughput = { title: 'TCP through our overlay and through a VXLAN made by hand', columns: [{ key: 'beside', head: 'by hand' }, ...SIDE_BY_SIDE] };
  if (findEtcd() === undefined) return [{ ...throughput, rows: [], notes: ['not run: program etcd is not there'] }];
  await using stack = new AsyncDisposableStack();
  progress.say('overlay: making links');
  const lan = stack.use(await Lan.start());
  const [one, two, three, four] = await hostsOn(lan, stack);
  stack.use(await startEtcd(lan));
  const [first, second] = await daemonsOn(one, two, stack);
  await Promise.all([byHand(one, two), byHand(three, four)]);
  const server = await endpoint(second, 'server');
  const client = await endpoint(first, 'client');
  const ours: Path = { from: one.netns('client'), address: server, to: two.netns('server') };
  const extent = options.quick ? { pairs: 2, ms: 100 } : { pairs: 16, ms: 400 };
  const rows: Record<string, Cell>[] = [];
  for (const [beside, from, to] of [['on the same hosts', one, two], ['on hosts without a daemon', three, four]] as const) {
    const other: Path = { from: from.netns(BY_HAND), address: ADDRESSES[1], to: to.netns(BY_HAND) };
    const found = await sideBySide({ ours, other }, extent, (what) => progress.say(`overlay: beside links ${beside}, ${what}`));
    rows.push(...found.map((cells) => ({ beside, ...cells })));
  }
  const latencies = await reached(first, client, two.netns('server'), options.quick ? 10 : 200, progress);
  return [
    { ...throughput, rows, notes: [SIDE_BY_SIDE_NOTE] },
    { title: 'A new endpoint of one host, until another host has had its first answer', columns: LATENCIES, rows: latencies, notes: ['Endpoints are made one after the other, and stay.'] },
  ];
}

type Four = readonly [PrivateHost, PrivateHost, PrivateHost, PrivateHost];

async function hostsOn(lan: Lan, stack: AsyncDisposableStack): Promise<Four> {
  const hosts = await Promise.all(['h1', 'h2', 'h3', 'h4'].map((name) => PrivateHost.start({ name, lans: [lan] })));
  return hosts.map((host) => stack.use(host)) as unknown as Four;
}

/** A daemon on each of two hosts, with one network. */
async function daemonsOn(one: PrivateHost, two: PrivateHost, stack: AsyncDisposableStack): Promise<[Daemon, Daemon]> {
  const [first, second] = [stack.use(await daemonOn(one)), stack.use(await daemonOn(two))];
  await first.client.send(createNetwork({ name: NETWORK, driver: 'overlay', subnets: ['10.1.0.0/16'] }));
  while (!(await second.client.send(listNetworks())).some(({ name }) => name === NETWORK));
  return [first, second];
}

function daemonOn(host: PrivateHost): Promise<Daemon> {
  return Daemon.start(host, 'none', ['--cluster', `etcd://${host.addresses[0]?.gateway4 ?? ''}:${String(ETCD_PORT)}`]);
}

const ADDRESSES = ['10.250.0.1', '10.250.0.2'] as const;

async function byHand(one: PrivateHost, two: PrivateHost): Promise<void> {
  await one.sh(makeByHand({ underlayMtu: UNDERLAY_MTU, local: one.address4, remote: two.address4, address: ADDRESSES[0] }));
  await two.sh(makeByHand({ underlayMtu: UNDERLAY_MTU, local: two.address4, remote: one.address4, address: ADDRESSES[1] }));
}

/** @returns its plain address */
async function endpoint({ client }: Daemon, name: string): Promise<string> {
  const { endpoints } = await client.send(createSandbox({ name, networks: [{ network: NETWORK }] }));
  return endpoints[0]?.ipv4?.split('/')[0] ?? '';
}

/** @param known the address of an endpoint that is there @param asker where first packets come from: a sandbox of another host */
async function reached(daemon: Daemon, known: string, asker: Place, count: number, progress: Progress): Promise<Record<string, Cell>[]> {
  const [file = '', ...args] = [...asker.enter, process.execPath, KNOCK];
  const knocker = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: knocker.stdout })[Symbol.asyncIterator]();
  const [made, answered, bare]: [number[], number[], number[]] = [[], [], []];
  const knock = async (address: string): Promise<void> => {
    knocker.stdin.write(`${address}\n`);
    const { value } = await lines.next();
    if (!(Number(value) > 0)) throw new Error(`${address} was not reached from another host`);
  };
  // Its program starts.
  await knock(known);
  for (let index = 0; index < count; index += 1) {
    progress.say(`overlay: endpoint ${String(index + 1)} of ${String(count)}`);
    const asked = performance.now();
    const address = await endpoint(daemon, `up${String(index)}`);
    const up = performance.now();
    await knock(address);
    const first = performance.now();
    await knock(address);
    made.push(up - asked);
    answered.push(first - up);
    bare.push(performance.now() - first);
  }
  knocker.stdin.end();
  return [row('making it: request and answer', made), row('from that answer until the first packet was answered', answered), row('the second packet, for comparison', bare)];
}

function row(what: string, values: readonly number[]): Record<string, Cell> {
  return { what, count: values.length, p50: quantile(values, 0.5), p99: quantile(values, 0.99), max: Math.max(...values) };
}
