import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import Mocha from 'mocha';
import type { PrivateResult } from './private-reporter.ts';
import { skip } from './skip.ts';

const MARK = 'TEST_PRIVATE_FILE';
const REPORTER = fileURLToPath(new URL('private-reporter.ts', import.meta.url));

/** Its own /run for named namespaces, its own /sys because that shows the links of whoever mounted it. */
const SET_UP = 'mount -t tmpfs tmpfs /run && mount -t sysfs sysfs /sys && ip link set lo up && exec "$@"';

/**
 * Runs the tests of a file in fresh network, mount and UTS namespaces, so that they are root on a host
 * of their own and leave nothing behind. The file runs a second time there, by itself; here every
 * test appears with the outcome that it had there.
 *
 * @param file the calling file: `import.meta.filename`
 * @param define the tests, as they would stand in the file otherwise
 */
export function inPrivateNamespace(file: string, define: () => void): void {
  if (process.env[MARK] === file) define();
  else describe(file.slice(file.lastIndexOf('/') + 1), () => relay(file));
}

function relay(file: string): void {
  let orderly = false;

  before(async function () {
    if (process.getuid?.() !== 0) throw new Error('a private namespace needs root: run the tests as root (sudo scripts/test)');
    this.timeout(120_000);
    // Tests that are added while `before` runs are still run after it.
    for (const result of await runThere(file)) {
      orderly = true;
      this.test?.parent?.addTest(new Mocha.Test(result.title, function (this: Mocha.Context) {
        if (result.skipped !== undefined) skip(this, result.skipped);
        if (result.error !== undefined) throw Object.assign(new Error(result.error.message), { stack: result.error.stack });
      }));
    }
  });

  it('runs in namespaces of its own', () => {
    if (!orderly) throw new Error('no test ran there');
  });
}

async function runThere(file: string): Promise<PrivateResult[]> {
  const mocha = fileURLToPath(import.meta.resolve('mocha/bin/mocha.js'));
  const child = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', 'unshare', '-n', '-m', '-u', '--propagation', 'private', 'sh', '-ec', SET_UP, 'sh']
      .concat([process.execPath, mocha, '--no-config', '--no-package', '--timeout', '20000', '--exit', '--reporter', REPORTER, file]),
    { env: { ...process.env, [MARK]: file }, stdio: ['ignore', 'inherit', 'inherit', 'pipe'] },
  );
  const pipe = child.stdio[3];
  if (!pipe || !('read' in pipe)) throw new Error('no pipe for the results');
  const over = once(child, 'close');
  const results: PrivateResult[] = [];
  let ended = false;
  for await (const line of createInterface({ input: pipe })) {
    if (line === 'end') ended = true;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by private-reporter.ts
    else results.push(JSON.parse(line) as PrivateResult);
  }
  const [code, signal] = await over;
  if (!ended) throw new Error(`${file} did not come to its end there: exit code ${String(code)}, signal ${String(signal)}, after ${String(results.length)} tests`);
  return results;
}
