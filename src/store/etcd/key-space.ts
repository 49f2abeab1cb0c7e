/** Where a store's keys are among all the keys of a cluster. */
export class KeySpace {
  /** base64 of the key that says which store this is. */
  readonly identity: string;
  readonly #root: string;

  /** @param prefix as {@link EtcdOptions.prefix} */
  constructor(prefix: string) {
    this.identity = base64(`${prefix}store`);
    this.#root = `${prefix}data/`;
  }

  /** A key of ours as etcd takes it. */
  encode(key: string): string {
    return base64(this.#root + key);
  }

  /** The key of ours that etcd means. */
  decode(key: string): string {
    return text(key).slice(this.#root.length);
  }

  /** All keys that start with the prefix, from `after` on where it is given. Keys are printable ASCII, so that DEL comes after all of them. */
  range(prefix: string, after?: string): { readonly key: string; readonly range_end: string } {
    const key = after === undefined ? this.encode(prefix) : base64(`${this.#root}${after}\0`);
    return { key, range_end: base64(`${this.#root}${prefix}\x7f`) };
  }
}

/** Text as etcd's gateway takes it. */
export function base64(plain: string): string {
  return Buffer.from(plain).toString('base64');
}

/** Text as etcd's gateway gives it. */
export function text(encoded: string | undefined): string {
  return Buffer.from(encoded ?? '', 'base64').toString();
}
