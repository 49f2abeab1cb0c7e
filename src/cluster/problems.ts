/** What is wrong, one sentence for each thing that can be: told when it begins, when it changes and when it is over. */
export class Problems {
  readonly #report: (message: string) => void;
  readonly #current = new Map<string, string>();

  /** @param report takes each sentence once */
  constructor(report: (message: string) => void) {
    this.#report = report;
  }

  /** Everything that is wrong now. */
  get all(): readonly string[] {
    return [...this.#current.values()];
  }

  /** What is wrong with one thing; undefined: nothing. */
  of(about: string): string | undefined {
    return this.#current.get(about);
  }

  /** Something is wrong with a thing, whatever was before. */
  note(about: string, message: string): void {
    if (this.#current.get(about) !== message) this.#report(message);
    this.#current.set(about, message);
  }

  /** Nothing is wrong with it any more. */
  settle(about: string): void {
    const before = this.#current.get(about);
    if (this.#current.delete(about)) this.#report(`over: ${before ?? ''}`);
  }
}
