import type { Lab } from './lab.ts';

/** How long faults last, and how much is done. */
export interface Extent {
  /** ms */
  readonly etcdGone: number;
  /** ms */
  readonly partition: number;
  readonly endpoints: number;
  readonly operations: number;
  /** How often a latency is taken. */
  readonly rounds: number;
  /** Pairs of measurements of throughput. */
  readonly pairs: number;
  /** What random choices follow from. */
  readonly seed: number;
}

/** What came of a scenario in which everything was as it should be. */
export interface Outcome {
  /** ms */
  readonly time: number;
  /** What took that time, and what else was found. */
  readonly found: string;
}

/** One promise of networks over hosts, and how it is tried. */
export interface Scenario {
  readonly name: string;
  /** The promise. */
  readonly promise: string;
  /** What the lab lacks for this, as in `program dockerd on h1`; then it is skipped. */
  readonly lacks?: (lab: Lab) => Promise<string | undefined>;
  /** Finds a lab without networks. @throws Error that says what was not as it should be */
  readonly run: (lab: Lab, extent: Extent) => Promise<Outcome>;
}

/** What CI runs, and what `--full` does. */
export const EXTENTS: Readonly<Record<'short' | 'full', Omit<Extent, 'seed'>>> = {
  short: { etcdGone: 5_000, partition: 3_000, endpoints: 100, operations: 60, rounds: 30, pairs: 4 },
  full: { etcdGone: 60_000, partition: 60_000, endpoints: 100, operations: 200, rounds: 100, pairs: 12 },
};
