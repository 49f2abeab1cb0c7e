import { addressText } from '../kernel/sys.ts';
import type { AskerState } from './asker-state.ts';

/** Where struct sockaddr_in has its address; struct sockaddr_in6 differs (linux/in.h, linux/in6.h). */
const V4 = { family: 2, start: 4, end: 8 } as const;
const V6 = { start: 8, end: 24 } as const;

/**
 * Who asks at the gateway of a network, by source address. What was found is remembered until
 * names change, because a text for each packet would cost more than its answer.
 */
export class GatewayAskers {
  readonly #find: (address: string) => AskerState | undefined;
  readonly #stranger: AskerState;
  readonly #known = new Map<number, AskerState>();

  /** @param find by a plain, canonical address @param stranger stands for everybody who is not known */
  constructor(find: (address: string) => AskerState | undefined, stranger: AskerState) {
    this.#find = find;
    this.#stranger = stranger;
  }

  /** @param sender a raw socket address */
  readonly of = (sender: Buffer): AskerState => {
    if (sender.readUInt16LE(0) !== V4.family) return this.#find(addressText(sender.subarray(V6.start, V6.end))) ?? this.#stranger;
    const address = sender.readUInt32BE(V4.start);
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const found = this.#find(addressText(sender.subarray(V4.start, V4.end)));
    // Not those who are nobody: a forger has four billion addresses.
    if (found !== undefined) this.#known.set(address, found);
    return found ?? this.#stranger;
  };

  /** Names or askers have changed. */
  forget(): void {
    this.#known.clear();
  }
}
