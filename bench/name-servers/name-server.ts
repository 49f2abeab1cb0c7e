import type { PrivateHost } from '../../test/support/host.ts';
import type { Place } from '../../test/support/place.ts';

/** Names that every server knows, each with one address: `box0` to `box499`. */
export const NAMES: readonly string[] = Array.from({ length: 500 }, (_, index) => `box${String(index)}`);

/** Where somebody asks. */
export interface Door {
  /** From where. */
  readonly from: Place;
  readonly address: string;
  readonly port: number;
}

/** A server that runs in a private host. */
export interface RunningServer extends AsyncDisposable, Door {
  /** As the machine sees it. */
  readonly pid: number;
  /** Another sandbox's way to ask the same server, where that has one. */
  readonly neighbour?: Door;
}

/** One row of the tables. */
export interface NameServerKind {
  readonly name: string;
  readonly title: string;
  /** Debian packages that bring it; unpacked where it is missing. */
  readonly packages: readonly string[];
  /** File that is there when it can be run. */
  readonly program: string;
  /** Resolves when it answers for all of {@link NAMES}. */
  readonly start: (host: PrivateHost) => Promise<RunningServer>;
}
