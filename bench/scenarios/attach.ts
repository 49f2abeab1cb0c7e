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

/** How often each peer has its turn. */
const ROUNDS = 6;
/** ms that a slow one may take for each count; at least {@link LEAST} rounds are always made. */
const BUDGET = 3000;
const LEAST = 2;
/** With more endpoints than this, 13 peers would be too much for a machine: each has it for itself, with ours. */
const ALL_AT_ONCE = 200;

interface Sampled {
  readonly attach: number[];
  readonly detach: number[];
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
  for (const [index, count] of options.counts.entries()) {
    const found = new Map<string, Sampled>();
    for (const group of groupsOf(peers.running, count)) {
      await measure({ group, count, options, progress, failed, found });
      // its thousand namespaces must not be there when the next has its own
      if (index === options.counts.length - 1 && count > ALL_AT_ONCE) await Promise.all(group.filter((peer) => !isReference(peer)).map((peer) => peer[Symbol.asyncDispose]()));
    }
    tables.push(tableOf(count, found, options, failed));
  }
  return tables;
}

/** What the others are compared with takes part in every group. */
function isReference({ kind }: PeerProcess): boolean {
  return kind.name === 'api' || kind.name === 'api6';
}

/** Everybody at once, or one peer after the other beside ours of the same families. */
function groupsOf(running: readonly PeerProcess[], count: number): PeerProcess[][] {
  if (count <= ALL_AT_ONCE) return [[...running]];
  const ours = (families: number): PeerProcess[] => running.filter((peer) => isReference(peer) && peer.kind.families === families);
  const others = running.filter((peer) => !isReference(peer));
  const alone = running.filter((peer) => isReference(peer) && others.every(({ kind }) => kind.families !== peer.kind.families)).map((peer) => [peer]);
  return [...alone, ...others.map((peer) => [...ours(peer.kind.families), peer])];
}

interface Task {
  readonly group: readonly PeerProcess[];
  readonly count: number;
  readonly options: BenchOptions;
  readonly progress: Progress;
  readonly failed: Map<string, string>;
  readonly found: Map<string, Sampled>;
}

async function measure({ group, count, options, progress, failed, found }: Task): Promise<void> {
  const attempt = async (peer: PeerProcess, what: () => Promise<void>): Promise<void> => {
    if (failed.has(peer.kind.name)) return;
    try {
      await what();
    } catch (error) {
      failed.set(peer.kind.name, firstLine(error));
      found.delete(peer.kind.name);
    }
  };
  for (const peer of group.filter(({ kind }) => !found.has(kind.name))) {
    progress.say(`attach: ${String(count)} endpoints, making those of ${peer.kind.name}`);
    await attempt(peer, async () => {
      await peer.ask({ do: 'populate', to: count - 1 });
      // the first of everything is slower: caches, chains that are made once
      await peer.ask({ do: 'sample', times: 1 });
      found.set(peer.kind.name, { attach: [], detach: [] });
    });
  }
  const rounds = options.quick ? 2 : ROUNDS;
  const spent = new Map<string, number>();
  for (let round = 0; round < rounds; round += 1) {
    for (const peer of group) {
      const { name, perRound } = peer.kind;
      const sampled = found.get(name);
      const enough = round >= LEAST && (spent.get(name) ?? 0) > BUDGET;
      // ours goes on as long as the other does
      if (sampled === undefined || (enough && !isReference(peer))) continue;
      progress.say(`attach: ${String(count)} endpoints, round ${String(round + 1)} of ${String(rounds)}, ${name}`);
      await attempt(peer, async () => {
        const started = performance.now();
        const times = await peer.ask({ do: 'sample', times: perRound });
        sampled.attach.push(...times.attach);
        sampled.detach.push(...times.detach);
        spent.set(name, (spent.get(name) ?? 0) + performance.now() - started);
      });
    }
    const others = group.filter((peer) => !isReference(peer));
    if (others.length > 0 && round >= LEAST && others.every(({ kind }) => (spent.get(kind.name) ?? 0) > BUDGET)) break;
  }
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
