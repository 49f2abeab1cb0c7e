/** `node scripts/scale.ts`: what a cluster of a thousand hosts costs, and how fast it follows. See docs/scale.md. */
import { compile } from '../bench/compiled.ts';
import { Progress } from '../bench/report/progress.ts';
import { formatTable } from '../bench/report/table.ts';
import { crowdMain } from './scale/crowd-main.ts';
import { measure } from './scale/measure.ts';
import { readOptions, USAGE } from './scale/options.ts';
import type { CrowdPlan } from './scale/protocol.ts';

async function main(args: readonly string[]): Promise<void> {
  const [word, plan] = args;
  // Its own helper.
  if (word === 'crowd') return crowdMain(JSON.parse(plan ?? '') as CrowdPlan);
  const options = readOptions(args);
  if (options === 'help') return console.log(USAGE);
  if (process.getuid?.() !== 0) throw new Error('root is needed: the simulation makes network namespaces');
  using progress = new Progress();
  progress.say('compiling');
  await using compiled = await compile();
  void compiled;
  const over = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => over.abort(new Error(`ended by ${signal}`)));
  const { table, isRight } = await measure(options, progress, over.signal);
  progress[Symbol.dispose]();
  console.log(options.format === 'table' ? formatTable(table) : JSON.stringify(table, undefined, 1));
  if (!isRight) process.exitCode = 1;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`scale: ${(error as Error).message}`);
  process.exitCode = 2;
}
