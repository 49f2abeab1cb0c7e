import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import Mocha from 'mocha';
import type { PrivateResult } from './private-reporter.ts';

/** Tests of one file that run in another process, in surroundings of its own. */
export interface RelayedTests {
  /** The file, and what tells the process there that it is the one to run them. */
  readonly file: string;
  readonly mark: string;
  /** Where they run, for titles: `in namespaces of its own`. */
  readonly where: string;
  /** Command words before those of mocha. */
  readonly enter: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Descriptor on which the results come: 3, or 1 where nothing else comes through. */
  readonly results: 1 | 3;
  /** ms for one test, and for all of them. */
  readonly timeout: number;
  readonly limit: number;
  /** Skips the suite where it cannot run. */
  readonly check: (context: Mocha.Context) => Promise<void>;
}

/** Runs the tests there; here every one of them appears with the outcome that it had there. */
export function relayTests(tests: RelayedTests): void {
  const { file, where, limit, check } = tests;
  describe(file.slice(file.lastIndexOf('/') + 1), () => {
    let orderly = false;

    before(async function () {
      this.timeout(limit);
      await check(this);
      // Tests that are added while `before` runs are still run after it.
      const suite = this.test?.parent;
      let tries: PrivateResult[] = [];
      for (const result of await runThere(tests, suite?.retries() ?? 0)) {
        orderly = true;
        tries.push(result);
        if (result.again === true) continue;
        suite?.addTest(asTest(result.title, tries));
        tries = [];
      }
    });

    it(`runs ${where}`, () => {
      if (!orderly) throw new Error('no test ran there');
    });
  });
}

/** A test that ends as each try of it did there, one after the other. */
function asTest(title: string, tries: PrivateResult[]): Mocha.Test {
  return new Mocha.Test(title, function (this: Mocha.Context) {
    const { skipped, error } = (tries.length > 1 ? tries.shift() : tries[0]) ?? {};
    if (skipped === true) this.skip();
    if (error !== undefined) throw Object.assign(new Error(error.message), { stack: error.stack });
  });
}

async function runThere({ file, mark, enter, env, results: descriptor, timeout }: RelayedTests, retries: number): Promise<PrivateResult[]> {
  const mocha = fileURLToPath(import.meta.resolve('mocha/bin/mocha.js'));
  const reporter = fileURLToPath(new URL('private-reporter.ts', import.meta.url));
  const child = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', ...enter, process.execPath, mocha, '--no-config', '--no-package', '--timeout', String(timeout), '--retries', String(retries), '--exit', '--reporter', reporter, file],
    { env: { ...process.env, ...env, [mark]: file, TEST_RESULTS: String(descriptor) }, stdio: descriptor === 3 ? ['ignore', 'inherit', 'inherit', 'pipe'] : ['ignore', 'pipe', 'inherit'] },
  );
  const pipe = child.stdio[descriptor];
  if (!pipe || !('read' in pipe)) throw new Error('no pipe for the results');
  const over = once(child, 'close');
  const results: PrivateResult[] = [];
  let ended = false;
  for await (const line of createInterface({ input: pipe })) {
    if (line === 'end') ended = true;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by private-reporter.ts
    else if (line.startsWith('{"title"')) results.push(JSON.parse(line) as PrivateResult);
    else console.log(line);
  }
  const [code, signal] = await over;
  if (!ended) throw new Error(`${file} did not come to its end there: exit code ${String(code)}, signal ${String(signal)}, after ${String(results.length)} tests`);
  return results;
}
