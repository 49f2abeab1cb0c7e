/** A map that notes the keys of whatever is set or deleted. */
export class NotingMap<Value> extends Map<string, Value> {
  readonly #noted: readonly Set<string>[];

  /** @param noted get the keys */
  constructor(...noted: readonly Set<string>[]) {
    super();
    this.#noted = noted;
  }

  override set(key: string, value: Value): this {
    for (const keys of this.#noted) keys.add(key);
    return super.set(key, value);
  }

  override delete(key: string): boolean {
    for (const keys of this.#noted) keys.add(key);
    return super.delete(key);
  }
}
