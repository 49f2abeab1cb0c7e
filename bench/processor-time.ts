import { readFileSync } from 'node:fs';

/** Processor time of a process so far, all of its threads, in seconds. */
export interface ProcessorTime {
  readonly user: number;
  readonly system: number;
}

/** Clock ticks a second, as /proc has them (sysconf(3), _SC_CLK_TCK); 100 on every architecture that Node runs on. */
const TICKS = 100;

/** @param pid as the machine sees it */
export function processorTime(pid: number): ProcessorTime {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  // behind the name, which may hold anything; from there on as proc(5) counts from field 3
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { user: Number(fields[11]) / TICKS, system: Number(fields[12]) / TICKS };
}
