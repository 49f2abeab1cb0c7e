/** Random numbers that a seed gives again: xorshift (Marsaglia 2003). */
export class Randomness {
  #state: number;

  /** @param seed any integer */
  constructor(seed: number) {
    // The first steps from a small seed give small numbers; from 0 nothing but 0.
    this.#state = Math.imul(seed | 0, 0x9e37_79b1) ^ 0x5bd1_e995 || 1;
  }

  /** From 0 to `bound` - 1. */
  below(bound: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) % bound;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

/** Bytes that mean something to who reads packets: ends, lengths, pointers, longest and too long. */
const TELLING = [0, 1, 2, 3, 12, 13, 0x29, 0x3f, 0x40, 0x41, 0x5f, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xfe, 0xff];

type Mutation = (bytes: number[], random: Randomness, corpus: readonly Uint8Array[]) => void;

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) => void (bytes[random.below(bytes.length)] = random.pick(TELLING)),
  (bytes, random) => void (bytes[random.below(bytes.length)] = random.below(256)),
  (bytes, random) => {
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  },
  // counts and flags
  (bytes, random) => void bytes.splice(random.below(6) * 2, 2, random.pick(TELLING), random.pick(TELLING)),
  // pointers: into the header, to themselves, forwards, anywhere
  (bytes, random) => {
    const at = random.below(bytes.length);
    bytes.splice(at, 2, 0xc0 | random.below(2), random.pick([random.below(12), 12, at, at + 2, random.below(256)]));
  },
  (bytes, random) => void bytes.splice(random.below(bytes.length), random.below(8)),
  (bytes, random) => void bytes.splice(random.below(bytes.length), 0, ...Array.from({ length: random.below(8) }, () => random.pick(TELLING))),
  (bytes, random) => void (bytes.length = random.below(bytes.length + 1)),
  (bytes, random) => {
    const at = random.below(bytes.length);
    const piece = bytes.slice(at, at + random.below(40));
    for (let times = random.below(12); times > 0; times--) bytes.splice(at, 0, ...piece);
  },
  (bytes, random, corpus) => {
    const other = random.pick(corpus);
    bytes.splice(random.below(bytes.length), bytes.length, ...other.subarray(random.below(other.length)));
  },
];

/** One of a corpus with one to four things wrong with it (or, by chance, none). */
export function mutate(corpus: readonly Uint8Array[], random: Randomness): Uint8Array {
  const bytes = Array.from(random.pick(corpus));
  for (let times = random.pick([1, 1, 1, 2, 3, 4]); times > 0 && bytes.length > 0; times--) random.pick(MUTATIONS)(bytes, random, corpus);
  return Uint8Array.from(bytes);
}
