/** A map that notes the keys of whatever is set or deleted. */
export class NotingMap<Value> extends Map<string, Value> {
  readonly #noted: Set<string>;

  /** @param noted gets the keys */
  constructor(noted: Set<string>) {
    super();
    this.#noted = noted;
  }

  override set(key: string, value: Value): this {
    this.#noted.add(key);
    return super.set(key, value);
  }

  override delete(key: string): boolean {
    this.#noted.add(key);
    return super.delete(key);
  }
}
