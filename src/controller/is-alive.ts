import { readFile } from 'node:fs/promises';
import type { Lease } from './records.ts';

/** Whether a lease's process still runs. */
export async function isAlive(lease: Lease): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${lease.pid}/stat`, 'utf8');
    // The command name (field 2) may hold spaces and parentheses: count from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[19] === lease.startTime && fields[0] !== 'Z';
  } catch {
    return false;
  }
}
