import { writeSync } from 'node:fs';
import type Mocha from 'mocha';

/** The outcome of one test, told from one mocha to another. */
export interface PrivateResult {
  readonly title: string;
  readonly skipped?: true;
  readonly error?: { readonly message: string; readonly stack: string };
  /** It is tried again. */
  readonly again?: true;
}

/** Where the results go: a descriptor that nothing else is written to, if it can be had. */
const RESULTS = Number(process.env['TEST_RESULTS'] ?? 3);

/** Writes a line for each test, and `end`. */
function privateReporter(runner: Mocha.Runner): void {
  runner.on('pass', (test) => tell({ title: test.fullTitle() }));
  runner.on('pending', (test) => tell({ title: test.fullTitle(), skipped: true }));
  runner.on('fail', (test, error) => tell({ title: test.fullTitle(), error: told(error) }));
  runner.on('retry', (test: Mocha.Test, error: Error) => tell({ title: test.fullTitle(), error: told(error), again: true }));
  runner.once('end', () => writeSync(RESULTS, 'end\n'));
}

function told(error: Error): NonNullable<PrivateResult['error']> {
  return { message: error.message, stack: `${error.stack ?? ''}${causeOf(error)}` };
}

/** fast-check keeps there what went wrong in the smallest case. */
function causeOf(error: Error): string {
  return error.cause instanceof Error ? `\ncaused by ${error.cause.message}` : '';
}

function tell(result: PrivateResult): void {
  writeSync(RESULTS, `${JSON.stringify(result)}\n`);
}

// what require() of this file gives, and so what mocha takes for the reporter
export { privateReporter as 'module.exports' };
