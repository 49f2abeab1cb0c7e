import type { Address } from '../common/address.ts';
import { TYPE } from './protocol.ts';
import { addressRecord, pointerRecord } from './records.ts';
import { offers } from './services.ts';

/** An endpoint as SRV records lead to it. */
export interface Target {
  /** Encoded name that is its own: FIRST.NETWORK. */
  readonly name: Uint8Array;
  /** Its ports, as {@link serviceNumbers} has them. */
  readonly services: Uint32Array;
  /** Its addresses. */
  readonly answers: Answers;
}

/** What a name leads to: encoded records by type. Their order is nobody's; answers shuffle them in place. */
export class Answers {
  readonly a: Uint8Array[] = [];
  readonly aaaa: Uint8Array[] = [];
  readonly ptr: Uint8Array[] = [];
  readonly targets: Target[] = [];

  /** A and AAAA records of addresses. */
  static to(addresses: readonly Address[]): Answers {
    const answers = new Answers();
    for (const address of addresses) (address.family === 4 ? answers.a : answers.aaaa).push(addressRecord(address));
    return answers;
  }

  /** A PTR record of an encoded name. */
  static back(name: Uint8Array): Answers {
    const answers = new Answers();
    answers.ptr.push(pointerRecord(name));
    return answers;
  }

  /** The records for a question of this type; none for a type that local names do not have. SRV is not among them. */
  of(type: number): Uint8Array[] {
    if (type === TYPE.A) return this.a;
    if (type === TYPE.AAAA) return this.aaaa;
    if (type === TYPE.PTR) return this.ptr;
    return type === TYPE.ANY ? this.#any() : NONE;
  }

  /** Whether there are any for a question of this type. */
  has(type: number): boolean {
    return (type === TYPE.SRV ? this.targets : this.of(type)).length > 0;
  }

  /** Whether any of the targets offers a service ({@link serviceNumbers}). */
  offers(service: number): boolean {
    for (const target of this.targets) {
      if (offers(target.services, service)) return true;
    }
    return false;
  }

  add(others: Answers): void {
    this.a.push(...others.a);
    this.aaaa.push(...others.aaaa);
    this.ptr.push(...others.ptr);
    this.targets.push(...others.targets);
  }

  /** Takes out what {@link add} put in: the very same records. */
  remove(others: Answers): void {
    takeOut(this.a, others.a);
    takeOut(this.aaaa, others.aaaa);
    takeOut(this.ptr, others.ptr);
    takeOut(this.targets, others.targets);
  }

  get isEmpty(): boolean {
    return this.a.length + this.aaaa.length + this.ptr.length + this.targets.length === 0;
  }

  /** ANY gets one of the record sets, not all of them (RFC 8482 §4.1). */
  #any(): Uint8Array[] {
    if (this.a.length > 0) return this.a;
    return this.aaaa.length > 0 ? this.aaaa : this.ptr;
  }
}

/** Nothing is ever put in here: answers of one record or none are not shuffled. */
const NONE: Uint8Array[] = [];

function takeOut<T>(from: T[], what: readonly T[]): void {
  for (const item of what) {
    const at = from.indexOf(item);
    const last = at < 0 ? undefined : from.pop();
    if (last !== undefined && at < from.length) from[at] = last;
  }
}
