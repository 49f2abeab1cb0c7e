import type { BenchOptions } from '../options.ts';
import type { Progress } from '../report/progress.ts';
import type { Table } from '../report/table.ts';

/** One question that the benchmark answers. */
export interface Scenario {
  readonly name: string;
  readonly run: (options: BenchOptions, progress: Progress) => Promise<readonly Table[]>;
}
