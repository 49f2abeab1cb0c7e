import { fileURLToPath } from 'node:url';
import type { PrivateHost } from '../../test/support/host.ts';
import { FIRST_PORT, PUBLISHER } from '../inside/protocol.ts';
import type { BenchOptions } from '../options.ts';
import type { PeerProcess } from '../peer-process.ts';
import { choosePeers } from '../peers/all-peers.ts';
import type { Progress } from '../report/progress.ts';
import type { Cell, Column, Table } from '../report/table.ts';
import { firstLine } from './first-line.ts';
import type { Scenario } from './scenario.ts';
import { startPeers } from './start-peers.ts';

const COLUMNS: readonly Column[] = [
  { key: 'name', head: 'peer' },
  { key: 'ports', head: 'ports' },
  { key: 'publish', head: 'attach with them, ms', digits: 1 },
  { key: 'each', head: 'a port, ms', digits: 3 },
  { key: 'firstPort', head: 'first connection, first port, us', digits: 0 },
  { key: 'lastPort', head: 'last port, us', digits: 0 },
  { key: 'firstMore', head: 'later, first port, us', digits: 0 },
  { key: 'lastMore', head: 'last port, us', digits: 0 },
  { key: 'detach', head: 'detach, ms', digits: 1 },
  { key: 'note', head: 'not run' },
];

const CONNECT_TIMES = fileURLToPath(new URL('../inside/connect-times.ts', import.meta.url));
const COUNTS = [1, 100, 1000];
/** As well for those who would have time for it. */
const MANY = 10_000;
/** ms: a peer that would need longer for the next count, going by the last, is not asked. */
const PATIENCE = 12_000;

interface Connected {
  readonly first: number;
  readonly more: number;
}

/** Publishing many ports of one endpoint, and connections through the first and the last of them. */
export const publish: Scenario = { name: 'publish', run };

async function run(options: BenchOptions, progress: Progress): Promise<readonly Table[]> {
  const failed = new Map<string, string>();
  await using peers = await startPeers(choosePeers(options.peers).filter(({ families }) => families === 4), progress, failed);
  const rows: Record<string, Cell>[] = [];
  for (const peer of peers.running) rows.push(...(await rowsOf(peer, countsOf(peer.kind.name, options), progress)));
  for (const [name, reason] of failed) rows.push({ name, note: reason });
  return [{ title: 'Publish ports of one endpoint, and connect through them', columns: COLUMNS, rows, notes: ['Connections come from another host of the LAN: socket and connect, blocking.'] }];
}

/** A body of the API holds a thousand ports at most, so what is beyond is the library's to show. */
function countsOf(name: string, { quick }: BenchOptions): readonly number[] {
  if (quick) return [1, 20];
  if (name === 'api') return COUNTS;
  return name === 'library' ? [MANY] : [...COUNTS, MANY];
}

async function rowsOf(peer: PeerProcess, counts: readonly number[], progress: Progress): Promise<Record<string, Cell>[]> {
  const { name } = peer.kind;
  const rows: Record<string, Cell>[] = [];
  let last = { ports: 1, ms: 0 };
  for (const ports of counts) {
    // the attach itself hides what one port costs
    const expected = last.ports === 1 ? 0 : (last.ms / last.ports) * ports;
    if (expected > PATIENCE) {
      rows.push({ name, ports, note: `would take about ${(expected / 1000).toFixed(0)} s` });
      continue;
    }
    progress.say(`publish: ${name}, ${String(ports)} ports`);
    try {
      const row = await measure(peer, ports);
      rows.push({ name, ...row });
      last = { ports, ms: row.publish + row.detach };
    } catch (error) {
      rows.push({ name, ports, note: firstLine(error) });
      break;
    }
  }
  return rows;
}

async function measure(peer: PeerProcess, ports: number): Promise<Record<string, Cell> & { readonly publish: number; readonly detach: number }> {
  const { host, kind } = peer;
  const attached = await peer.ask({ do: 'publish', ports });
  const publishMs = attached.attach[0] ?? Number.NaN;
  const connections = await withServer(host, kind.name, ports, () => connect(host, [FIRST_PORT, FIRST_PORT + ports - 1]));
  const detached = await peer.ask({ do: 'detach' });
  const [first, last] = connections;
  return {
    ports,
    publish: publishMs,
    each: publishMs / ports,
    firstPort: first?.first,
    lastPort: last?.first,
    firstMore: first?.more,
    lastMore: last?.more,
    detach: detached.detach[0] ?? Number.NaN,
  };
}

/** Containers of an engine serve port 80 themselves. */
async function withServer<T>(host: PrivateHost, name: string, ports: number, task: () => Promise<T>): Promise<T> {
  if (name.startsWith('docker-')) return task();
  await using server = await host.netns(`${PUBLISHER}${String(ports)}`).serve(80, 'tcp', 'bench');
  void server;
  return await task();
}

async function connect(host: PrivateHost, ports: readonly number[]): Promise<readonly Connected[]> {
  const { stdout } = await host.outside.exec([process.execPath, CONNECT_TIMES, host.address4, '200', ...ports.map(String)], { timeout: 60_000 });
  return JSON.parse(stdout) as readonly Connected[];
}
