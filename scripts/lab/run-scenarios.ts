import type { Lab } from './lab.ts';
import type { Extent, Outcome, Scenario } from './scenario.ts';

/** How a scenario went: what was found, or why not. */
export interface Result extends Partial<Outcome> {
  readonly name: string;
  readonly promise: string;
  readonly ok: boolean;
  readonly error?: string;
  /** Why it was not tried. */
  readonly skipped?: string;
  /** ms, with preparing and cleaning. */
  readonly whole: number;
}

/**
 * Runs scenarios one after the other.
 * @param heed is told of each before and after it
 */
export async function runScenarios(lab: Lab, scenarios: readonly Scenario[], extent: Extent, heed: { readonly begin: (name: string) => void; readonly end: (result: Result) => void }): Promise<Result[]> {
  const results: Result[] = [];
  for (const scenario of scenarios) {
    heed.begin(scenario.name);
    const result = await runScenario(lab, scenario, extent);
    heed.end(result);
    results.push(result);
  }
  return results;
}

/** Runs one, and has the lab clean afterwards. */
export async function runScenario(lab: Lab, { name, promise, lacks, run }: Scenario, extent: Extent): Promise<Result> {
  const begun = performance.now();
  const skipped = await lacks?.(lab);
  if (skipped !== undefined) return { name, promise, ok: true, skipped, whole: 0 };
  const result = await run(lab, extent).then(
    (outcome) => ({ ok: true, ...outcome }),
    (error: unknown) => ({ ok: false, error: (error as Error).message }),
  );
  // A lab that cannot be cleaned is a finding of its own, and what failed before is the one to look at first.
  const dirty = await lab.clean().then(() => undefined, (error: unknown) => `not clean afterwards: ${(error as Error).message}`);
  const whole = performance.now() - begun;
  if (dirty !== undefined && result.ok) return { name, promise, ...result, ok: false, error: dirty, whole };
  return { name, promise, ...result, whole };
}
