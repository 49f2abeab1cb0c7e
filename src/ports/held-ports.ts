import type { SocketRequest } from '../kernel/kernel.ts';
import { overlap } from './overlap.ts';
import { hostAddressOf } from './socket-groups.ts';

/** Who holds ports. */
export interface PortOwner {
  readonly id: string;
  readonly name: string;
}

/** A port that is held; disposing gives it back. */
export interface HeldPort extends Disposable {
  readonly owner: PortOwner;
  readonly protocol: SocketRequest['protocol'];
  /** Plain address; undefined: every one of the host, both families. */
  readonly hostAddress: string | undefined;
  readonly port: number;
  /** Where it leads. */
  readonly containerPort: number;
}

/** Ports that are held, found by their owner and by their number. */
export class HeldPorts {
  readonly #byOwner = new Map<string, Set<HeldPort>>();
  readonly #byNumber = new Map<string, Set<HeldPort>>();

  owners(): string[] {
    return [...this.#byOwner.keys()];
  }

  of(owner: string): HeldPort[] {
    return [...(this.#byOwner.get(owner) ?? [])];
  }

  /** Those that are in the way of a request that leaves no choice of the number; of others, none. */
  overlapping({ protocol, places, port, lastPort }: SocketRequest): HeldPort[] {
    if (lastPort !== undefined) return [];
    const found = [...(this.#byNumber.get(`${protocol}/${port}`) ?? [])];
    return found.filter(({ hostAddress }) => places.some((place) => overlap(hostAddress, hostAddressOf(place))));
  }

  add(held: HeldPort): void {
    for (const [map, key] of this.#entries(held)) {
      const known = map.get(key);
      if (known === undefined) map.set(key, new Set([held]));
      else known.add(held);
    }
  }

  /** Gives one back. */
  drop(held: HeldPort): void {
    for (const [map, key] of this.#entries(held)) {
      const known = map.get(key);
      known?.delete(held);
      if (known?.size === 0) map.delete(key);
    }
    held[Symbol.dispose]();
  }

  #entries({ owner, protocol, port }: HeldPort): readonly (readonly [Map<string, Set<HeldPort>>, string])[] {
    return [[this.#byOwner, owner.id], [this.#byNumber, `${protocol}/${port}`]];
  }
}
