import { readFileSync } from 'node:fs';

/** What the kernel tells about this process in /proc/self/stat (proc_pid_stat(5)). */
export interface ProcessStat {
  /** Ticks after boot, field 22. */
  readonly startTime: string;
  /** Whether its group is the one in the foreground of its terminal, fields 5, 7 and 8. */
  readonly foreground: boolean;
}

/** @param text the file's contents, for tests */
export function ownStat(text: string = readFileSync('/proc/self/stat', 'utf8')): ProcessStat {
  // The command name (field 2) may hold spaces and parentheses: count from its end.
  const fields = text.slice(text.lastIndexOf(')') + 2).trim().split(' ');
  const [group, terminal, leader] = [fields[2], fields[4], fields[5]];
  return { startTime: fields[19] ?? '0', foreground: terminal !== '0' && group === leader };
}
