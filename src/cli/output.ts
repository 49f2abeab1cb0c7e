import { writeSync } from 'node:fs';

/** What a shell reports of a program that was ended by SIGPIPE. */
const BROKEN_PIPE = 141;

/**
 * Writes lines to standard output. Not by process.stdout, which takes milliseconds to set up and
 * makes the descriptor non-blocking for whatever program is started after us.
 */
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
      // Somebody made our standard output non-blocking, and it is full: let node wait for it.
      (descriptor === 1 ? process.stdout : process.stderr).write(rest);
      return;
    }
  }
}
