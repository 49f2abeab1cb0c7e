/** `npm run bench`: measures this project beside others, in one run, in private hosts. See docs/benchmarks.md. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, release, setPriority, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { compile } from './compiled.ts';
import { readOptions, USAGE, type BenchOptions } from './options.ts';
import { NAME_SERVERS } from './name-servers/all-name-servers.ts';
import { PEERS } from './peers/all-peers.ts';
import { Progress } from './report/progress.ts';
import { formatTable, type Table } from './report/table.ts';
import { attach } from './scenarios/attach.ts';
import { dataPlane } from './scenarios/data-plane.ts';
import { dns } from './scenarios/dns.ts';
import { overlay } from './scenarios/overlay.ts';
import { publish } from './scenarios/publish.ts';
import { restart } from './scenarios/restart.ts';
import type { Scenario } from './scenarios/scenario.ts';

const SCENARIOS: readonly Scenario[] = [attach, publish, dataPlane, overlay, restart, dns];

/** nice(2) */
const PRIORITY = -15;

/** Each peer by itself, so that one which cannot be had does not keep the others away. */
function getPeers({ peers, scenarios }: BenchOptions, progress: Progress): void {
  const asked = scenarios.includes('dns') ? NAME_SERVERS : [];
  const attached = scenarios.some((name) => name !== 'dns' && name !== 'overlay') ? PEERS : [];
  const wanted = [...attached, ...asked].filter(({ name }) => peers === undefined || peers.includes(name));
  const etcd = scenarios.includes('overlay') ? ['etcd-server'] : [];
  for (const packages of new Set([...wanted.map((kind) => kind.packages.join(' ')), ...etcd])) {
    progress.say(`looking for ${packages}`);
    spawnSync(fileURLToPath(new URL('get-peers', import.meta.url)), packages.split(' '), { stdio: 'ignore' });
  }
}

/** @throws Error for a name that nobody has */
function checkPeers({ peers = [] }: BenchOptions): void {
  const names = [...PEERS, ...NAME_SERVERS].map(({ name }) => name);
  const wrong = peers.find((name) => !names.includes(name));
  if (wrong !== undefined) throw new Error(`no peer '${wrong}': there are ${names.join(', ')}`);
}

/** What figures depend on. */
function machine(): string {
  const cpu = /model name\s*: (.*)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? process.arch;
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${String(availableParallelism())} x ${cpu}, ${String(memory)} GB, Linux ${release()}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), SCENARIOS.map(({ name }) => name));
  if (options === 'help') return console.log(USAGE);
  checkPeers(options);
  if (process.getuid?.() !== 0) throw new Error('root is needed: the benchmark makes network namespaces; try: sudo npm run bench');
  // Inherited by all that is measured: other work of the machine disturbs less.
  setPriority(PRIORITY);
  using progress = new Progress();
  getPeers(options, progress);
  progress.say('compiling');
  await using compiled = await compile();
  void compiled;
  const tables: (Table & { readonly scenario: string })[] = [];
  for (const name of options.scenarios) {
    for (const table of (await SCENARIOS.find((scenario) => scenario.name === name)?.run(options, progress)) ?? []) {
      progress[Symbol.dispose]();
      if (options.format === 'table') console.log(formatTable(table));
      tables.push({ scenario: name, ...table });
    }
  }
  if (options.format === 'json') console.log(JSON.stringify({ machine: machine(), tables }, undefined, 1));
  else console.log(machine());
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
}
