import type { Table } from '../../bench/report/table.ts';
import type { Result } from './run-scenarios.ts';

/** `✔ name 1.23 s (what was measured)`, what went wrong, or what was lacking. */
export function resultLine({ name, ok, time, found, error, skipped }: Result, colour: boolean): string {
  const paint = (code: string, text: string): string => (colour ? `\u001B[${code}m${text}\u001B[0m` : text);
  if (skipped !== undefined) return `${paint('36', '-')} ${name} skipped: ${skipped}`;
  if (!ok) return `${paint('31', '✘')} ${name}: ${error ?? ''}`;
  return `${paint('32', '✔')} ${name} ${seconds(time)} (${found ?? ''})`;
}

/** All of them, with the promises that they are about. */
export function resultTable(results: readonly Result[], on: string, seed: number): Table {
  const tried = results.filter(({ skipped }) => skipped === undefined);
  const kept = tried.filter(({ ok }) => ok).length;
  return {
    title: `${String(kept)} of ${String(tried.length)} promises kept, on ${on}`,
    columns: [{ key: 'name', head: 'scenario' }, { key: 'promise', head: 'promise' }, { key: 'kept', head: 'kept' }, { key: 'time', head: 's', digits: 2 }, { key: 'whole', head: 'whole, s', digits: 1 }],
    rows: results.map(({ name, promise, ok, skipped, time, whole }) => ({ name, promise, kept: skipped !== undefined ? 'not tried' : ok ? 'yes' : 'no', time: time === undefined ? undefined : time / 1000, whole: whole / 1000 })),
    notes: [`random choices followed from --seed ${String(seed)}`],
  };
}

function seconds(ms = 0): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
