import type { BenchOptions } from '../options.ts';
import type { PeerProcess } from '../peer-process.ts';
import { choosePeers } from '../peers/all-peers.ts';
import type { Progress } from '../report/progress.ts';
import { median, quantile } from '../report/statistics.ts';
import type { Column, Table } from '../report/table.ts';
import { firstLine } from './first-line.ts';
import type { Scenario } from './scenario.ts';
import { startPeers } from './start-peers.ts';

const COLUMNS: readonly Column[] = [
  { key: 'name', head: 'peer' },
  { key: 'title', head: 'what' },
  { key: 'times', head: 'n' },
  { key: 'attach50', head: 'attach p50', digits: 2 },
  { key: 'attach99', head: 'p99', digits: 2 },
  { key: 'attachRatio', head: 'x ours', digits: 2 },
  { key: 'detach50', head: 'detach p50', digits: 2 },
  { key: 'detach99', head: 'p99', digits: 2 },
  { key: 'detachRatio', head: 'x ours', digits: 2 },
  { key: 'note', head: 'not run' },
];

/** ms that the slow may take for each count; at least {@link LEAST} rounds are always made. */
const BUDGET = 6000;
const LEAST = 3;

interface Sampled {
  readonly attach: number[];
  readonly detach: number[];
  spent: number;
}

/**
 * Attaching and detaching one endpoint with one published port, while others are there. The peers
 * take turns, a few times each, so that whatever else the machine does befalls all of them.
 */
export const attach: Scenario = { name: 'attach', run };

async function run(options: BenchOptions, progress: Progress): Promise<readonly Table[]> {
  const failed = new Map<string, string>();
  await using peers = await startPeers(choosePeers(options.peers), progress, failed);
  const tables: Table[] = [];
  for (const count of options.counts) {
    const found = await measure(peers.running, count, options, progress, failed);
    tables.push(tableOf(count, found, options, failed));
  }
  return tables;
}

async function measure(running: readonly PeerProcess[], count: number, options: BenchOptions, progress: Progress, failed: Map<string, string>): Promise<Map<string, Sampled>> {
  const found = new Map<string, Sampled>();
  const attempt = async (peer: PeerProcess, what: () => Promise<void>): Promise<void> => {
    if (failed.has(peer.kind.name)) return;
    try {
      await what();
    } catch (error) {
      failed.set(peer.kind.name, firstLine(error));
      found.delete(peer.kind.name);
    }
  };
  for (const peer of running) {
    progress.say(`attach: ${String(count)} endpoints, making those of ${peer.kind.name}`);
    await attempt(peer, async () => {
      await peer.ask({ do: 'populate', to: count - 1 });
      // the first of everything is slower: caches, chains that are made once
      await peer.ask({ do: 'sample', times: 1 });
      found.set(peer.kind.name, { attach: [], detach: [], spent: 0 });
    });
  }
  const rounds = options.quick ? 2 : 20;
  for (let round = 0; round < rounds; round += 1) {
    for (const peer of running) {
      const sampled = found.get(peer.kind.name);
      if (sampled === undefined || (round >= LEAST && sampled.spent > BUDGET)) continue;
      progress.say(`attach: ${String(count)} endpoints, round ${String(round + 1)} of ${String(rounds)}, ${peer.kind.name}`);
      await attempt(peer, async () => {
        const started = performance.now();
        const times = await peer.ask({ do: 'sample', times: peer.kind.perRound });
        sampled.attach.push(...times.attach);
        sampled.detach.push(...times.detach);
        sampled.spent += performance.now() - started;
      });
    }
  }
  return found;
}

function tableOf(count: number, found: ReadonlyMap<string, Sampled>, options: BenchOptions, failed: ReadonlyMap<string, string>): Table {
  const rows = choosePeers(options.peers).map(({ name, title, families }) => {
    const sampled = found.get(name);
    if (sampled === undefined) return { name, title, note: failed.get(name) };
    const ours = found.get(families === 46 ? 'api6' : 'api') ?? { attach: [], detach: [] };
    return {
      name,
      title,
      times: sampled.attach.length,
      attach50: median(sampled.attach),
      attach99: quantile(sampled.attach, 0.99),
      attachRatio: median(sampled.attach) / median(ours.attach),
      detach50: median(sampled.detach),
      detach99: quantile(sampled.detach, 0.99),
      detachRatio: median(sampled.detach) / median(ours.detach),
    };
  });
  return { title: `Attach and detach one endpoint with one published port, ${String(count)} there, ms`, columns: COLUMNS, rows, notes: [] };
}
