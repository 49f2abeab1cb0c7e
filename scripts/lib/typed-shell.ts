import { randomUUID } from 'node:crypto';
import type { Background } from '../../test/support/background.ts';
import type { Place } from '../../test/support/place.ts';

/** What a typed command printed (stdout and stderr as they came) and how it ended. */
export interface Typed {
  readonly output: string;
  readonly code: number;
}

/**
 * Reads commands that end in a zero byte and runs each in one and the same shell, so that `&`, `$!`
 * and variables work as at a terminal. Nothing can read the commands that are still to come.
 */
const LOOP = `exec 9<&0 </dev/null 2>&1
count=0
while IFS= read -r -d '' -u 9 line; do
  eval "$line" 9<&-
  printf '\\n%s %s %s\\n' "$MARK" "$((count += 1))" "$?"
done`;

/** What bash says, unasked, of a job that was killed. */
const JOB_MESSAGE = /^bash: line \d+: +\d+ (?:Killed|Terminated) .*\n?/gm;

/** A bash somewhere, into which commands are typed. */
export class TypedShell {
  readonly #process: Background;
  readonly #mark: string;
  #seen = 0;
  #count = 0;

  private constructor(process: Background, mark: string) {
    this.#process = process;
    this.#mark = mark;
  }

  /** Starts it; it ends with its place. */
  static async open(place: Place, env: Readonly<Record<string, string>>): Promise<TypedShell> {
    const mark = randomUUID();
    return new TypedShell(await place.spawn(['bash', '--norc', '-c', LOOP], { env: { ...env, MARK: mark } }), mark);
  }

  /** Types one command; resolves when it has ended. @throws Error when it takes longer than 30 s */
  async type(command: string): Promise<Typed> {
    this.#process.write(`${command}\0`);
    this.#count += 1;
    const end = await this.#process.waitFor(new RegExp(`\\n${this.#mark} ${String(this.#count)} (\\d+)\\n`), 30_000);
    const output = this.#process.output.slice(this.#seen, end.index);
    this.#seen = end.index + end[0].length;
    return { output: output.replace(JOB_MESSAGE, '').trim(), code: Number(end[1]) };
  }
}
