import { setTimeout } from 'node:timers/promises';
import type { TypedShell } from './typed-shell.ts';

/** What a step of the demo has to do. */
export interface Claim {
  /** What the output has to match. */
  readonly shows?: RegExp;
  /** Exit code; 0 unless told. */
  readonly code?: number;
  /** ms within which it has to come true, trying again and again; once unless told. */
  readonly within?: number;
  /** At most so many lines of the output are shown; 12 unless told. */
  readonly lines?: number;
}

/** ms between two tries of a claim that has time to come true. */
const AGAIN = 50;

/** Shows commands and their output, and ends the demo at the first that does not do what is said of it. */
export class Stage {
  readonly #write: (text: string) => void;
  readonly #colour: boolean;
  #held = 0;

  /** @param colour bold commands and headings, dim output */
  constructor(write: (text: string) => void, colour: boolean) {
    this.#write = write;
    this.#colour = colour;
  }

  /** Claims that held so far. */
  get held(): number {
    return this.#held;
  }

  heading(text: string): void {
    this.#write(`\n${this.#paint('1;34', text)}\n`);
  }

  say(text: string): void {
    this.#write(`\n${text}\n`);
  }

  /**
   * Types a command, shows it as `$ command` and what it printed.
   * @throws Error a sentence that names the command, when it does not do what is claimed
   * @returns the output, and the ms until the claim held
   */
  async type(shell: TypedShell, command: string, claim: Claim = {}): Promise<{ readonly output: string; readonly ms: number }> {
    this.#write(`${this.#paint('1', `$ ${command}`)}\n`);
    const begun = performance.now();
    for (;;) {
      const { output, code } = await shell.type(command);
      const ms = performance.now() - begun;
      const wrong = broken(claim, output, code);
      if (wrong !== undefined && ms < (claim.within ?? 0)) {
        await setTimeout(AGAIN);
        continue;
      }
      this.#show(output, claim.lines ?? 12);
      if (code !== 0) this.#write(`${this.#paint('2', `(exit code ${String(code)})`)}\n`);
      if (wrong !== undefined) throw new Error(`'${command}' ${wrong}`);
      this.#held += 1;
      return { output, ms };
    }
  }

  /** @throws Error the sentence, unless it holds */
  check(holds: boolean, sentence: string): void {
    if (!holds) throw new Error(sentence);
    this.#held += 1;
  }

  #show(output: string, most: number): void {
    if (output === '') return;
    const lines = output.split('\n');
    const shown = lines.length > most ? [...lines.slice(0, most), `… (${String(lines.length - most)} more lines)`] : lines;
    for (const line of shown) this.#write(`${this.#paint('2', line)}\n`);
  }

  #paint(code: string, text: string): string {
    return this.#colour ? `\u001B[${code}m${text}\u001B[0m` : text;
  }
}

function broken({ shows, code: wanted = 0 }: Claim, output: string, code: number): string | undefined {
  if (code !== wanted) return `was to end with code ${String(wanted)}, not ${String(code)}`;
  if (shows !== undefined && !shows.test(output)) return `was to show ${String(shows)}`;
  return undefined;
}
