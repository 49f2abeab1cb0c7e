import { fold } from './name.ts';

interface Entry<T> {
  /** Lower case (`keyOf`). */
  readonly key: string;
  readonly value: T;
  readonly next: Entry<T> | undefined;
}

/** FNV-1a, 32 bits. */
const BASIS = 0x811c9dc5 | 0;
const PRIME = 0x01000193;

/**
 * Hash of the name in `bytes`, whatever its case. Not seeded: who asks cannot put names in, and who
 * can put them in rules this host.
 */
export function hashName(bytes: Uint8Array, start: number, end: number): number {
  let hash = BASIS;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ fold(bytes[at] ?? 0), PRIME);
  return hash;
}

function hashKey(key: string): number {
  let hash = BASIS;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), PRIME);
  return hash;
}

function same(key: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (key.length !== end - start) return false;
  for (let at = 0; at < key.length; at++) {
    if (key.charCodeAt(at) !== fold(bytes[start + at] ?? 0)) return false;
  }
  return true;
}

/** Values by name, which are found straight from the bytes of a message: a Map of strings would make a string a lookup. */
export class NameTable<T> {
  readonly #first = new Map<number, Entry<T>>();

  /** The value of the name between `start` and `end` (without its zero), whose hash is {@link hashName}'s. */
  find(hash: number, bytes: Uint8Array, start: number, end: number): T | undefined {
    for (let entry = this.#first.get(hash); entry !== undefined; entry = entry.next) {
      if (same(entry.key, bytes, start, end)) return entry.value;
    }
    return undefined;
  }

  /** The value of a key (`keyOf`). */
  get(key: string): T | undefined {
    for (let entry = this.#first.get(hashKey(key)); entry !== undefined; entry = entry.next) {
      if (entry.key === key) return entry.value;
    }
    return undefined;
  }

  /** Gives a key its value. */
  set(key: string, value: T): void {
    const hash = hashKey(key);
    this.#first.set(hash, { key, value, next: this.#without(hash, key) });
  }

  /** Takes a key away, if it is there. */
  delete(key: string): void {
    const hash = hashKey(key);
    const rest = this.#without(hash, key);
    if (rest === undefined) this.#first.delete(hash);
    else this.#first.set(hash, rest);
  }

  /** Entries of a hash that have another key. */
  #without(hash: number, key: string): Entry<T> | undefined {
    let rest: Entry<T> | undefined;
    for (let entry = this.#first.get(hash); entry !== undefined; entry = entry.next) {
      if (entry.key !== key) rest = { key: entry.key, value: entry.value, next: rest };
    }
    return rest;
  }
}
