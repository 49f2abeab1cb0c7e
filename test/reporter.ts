import { writeFileSync } from 'node:fs';
import { basename, relative } from 'node:path';
import Mocha from 'mocha';

/** So many files are named by the time they took. */
const LONGEST = 20;
/** Not for the reporters of runs that tests start. */
const { TEST_FALLEN: FALLEN } = process.env;
delete process.env['TEST_FALLEN'];

/**
 * The usual list of tests; then what was skipped and why, what needed a second try and why, which files took longest,
 * what failed, and as the very last line `N passed, N failed`. The files that fell beside others go into the file
 * that TEST_FALLEN names, a line each: its path, and how many tests passed, failed and were skipped, with tabs between.
 */
class Reporter extends Mocha.reporters.Spec {
  readonly #skipped: Mocha.Test[] = [];
  readonly #again: string[] = [];
  /** ms, by file. */
  readonly #took = new Map<string, number>();
  /** Passed, failed and skipped, by file. */
  readonly #outcomes = new Map<string, [number, number, number]>();

  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.on('pending', (test) => this.#skipped.push(test));
    runner.on('retry', (test: Mocha.Test, error: Error) => this.#again.push(`second try: ${test.fullTitle()}: ${error.message}`));
    for (const [kind, event] of ['pass', 'fail', 'pending'].entries()) runner.on(event, (part: Mocha.Runnable) => this.#note(part, kind));
    for (const event of ['test end', 'hook end']) runner.on(event, (part: Mocha.Runnable) => this.#count(part));
    runner.once('end', () => exitWhenStuck(this.#lastLine()));
  }

  override epilogue(): void {
    for (const test of this.#skipped) console.log(`skipped: ${test.fullTitle()}`);
    for (const line of this.#again) console.log(line);
    const longest = [...this.#took].toSorted(([, a], [, b]) => b - a).slice(0, LONGEST);
    if (this.#took.size > LONGEST) console.log(`longest: ${longest.map(([file, ms]) => `${file} ${String(Math.round(ms / 1000))} s`).join(', ')}`);
    if (this.failures.length > 0) Mocha.reporters.Base.list(this.failures);
    console.log(this.#lastLine());
    if (FALLEN === undefined || this.#outcomes.size === 1) return;
    const fallen = [...this.#outcomes].filter(([file, [, failed]]) => file !== '' && failed > 0);
    writeFileSync(FALLEN, fallen.map(([file, counts]) => `${[relative('.', file), ...counts].join('\t')}\n`).join(''));
  }

  #note({ file = '' }: Mocha.Runnable, kind: number): void {
    const counts = this.#outcomes.get(file) ?? [0, 0, 0];
    counts[kind] = (counts[kind] ?? 0) + 1;
    this.#outcomes.set(file, counts);
  }

  #count({ file = '', duration = 0 }: Mocha.Runnable): void {
    const name = basename(file);
    this.#took.set(name, (this.#took.get(name) ?? 0) + duration);
  }

  #lastLine(): string {
    const skipped = this.#skipped.length > 0 ? `, ${String(this.#skipped.length)} skipped` : '';
    return `${String(this.stats.passes)} passed, ${String(this.stats.failures)} failed${skipped}`;
  }
}

/** A test that leaves a socket, a timer or a process behind would keep the run from ending: say so and end it. */
function exitWhenStuck(lastLine: string): void {
  setTimeout(() => {
    console.log(`the run does not end; still open: ${process.getActiveResourcesInfo().join(', ')}\n${lastLine.replace(/(\d+) failed/, (_, failed: string) => `${String(Number(failed) + 1)} failed`)}`);
    process.exit(1);
  }, 10_000).unref();
}

// what require() of this file gives, and so what mocha takes for the reporter
export { Reporter as 'module.exports' };
