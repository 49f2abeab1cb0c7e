/** `npm run lab`: what networks over hosts promise, tried on three machines. See scripts/lab/lab --help. */
import { randomInt } from 'node:crypto';
import { Progress } from '../bench/report/progress.ts';
import { formatTable } from '../bench/report/table.ts';
import { namespaces } from './lab/grounds/namespaces.ts';
import { qemu } from './lab/grounds/qemu.ts';
import { vagrant } from './lab/grounds/vagrant.ts';
import { Lab } from './lab/lab.ts';
import { readOptions, usage } from './lab/options.ts';
import { resultLine, resultTable } from './lab/report.ts';
import { runScenarios, type Result } from './lab/run-scenarios.ts';
import { SCENARIOS } from './lab/scenarios/all-scenarios.ts';
import { unlessAborted } from './lab/unless-aborted.ts';

const GROUNDS = { namespaces, qemu, vagrant } as const;

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), SCENARIOS, randomInt(1e9));
  if (options === 'help') return console.log(usage(SCENARIOS));
  const ending = new AbortController();
  // The second one ends it as it stands.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => ending.abort(new Error(`ended by ${signal}`)));
  const { signal } = ending;
  using progress = new Progress();
  progress.say(`three machines (${options.on})`);
  await using lab = await Lab.start(await GROUNDS[options.on](signal), signal);
  const chosen = SCENARIOS.filter(({ name }) => options.scenarios.includes(name));
  const colour = process.stdout.isTTY === true && !process.env['NO_COLOR'];
  const heed = {
    begin: (name: string) => progress.say(name),
    end: (result: Result) => {
      progress[Symbol.dispose]();
      // What fails while everything is being ended has found nothing.
      if (options.format === 'table' && !signal.aborted) console.log(resultLine(result, colour));
    },
  };
  const results = await unlessAborted(() => runScenarios(lab, chosen, options.extent, heed), signal);
  if (options.format === 'table') console.log(`\n${formatTable(resultTable(results, options.on, options.extent.seed))}`);
  else console.log(JSON.stringify({ on: options.on, seed: options.extent.seed, scenarios: results }, undefined, 1));
  if (results.some(({ ok }) => !ok)) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(`lab: ${(error as Error).message}`);
  // What was being started goes with this process.
  process.exit(2);
}
