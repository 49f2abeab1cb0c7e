import { writeSync } from 'node:fs';
import { makeStreamsBlocking } from './blocking-streams.ts';

/** What a shell reports of a program that was ended by SIGPIPE. */
const BROKEN_PIPE = 141;

/** Writes lines to standard output, all of them before it returns: what follows may replace this process. */
export function print(...lines: readonly string[]): void {
  write(1, lines);
}

/** Writes lines to standard error, each with the program's name. */
export function complain(...lines: readonly string[]): void {
  write(2, lines.map((line) => `netctl: ${line}`));
}

function write(descriptor: number, lines: readonly string[]): void {
  let rest = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') process.exit(BROKEN_PIPE);
      if (code !== 'EAGAIN') throw error;
      // Another program that shares it has made it non-blocking.
      makeStreamsBlocking();
    }
  }
}
