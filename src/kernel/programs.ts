import { execa } from 'execa';
import { NetworkError } from '../common/error.ts';

/** What a program did. */
export interface ProgramResult {
  /** 0 when it was content. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What {@link runProgram} takes besides the program. */
export interface ProgramOptions {
  readonly input?: string;
  readonly signal?: AbortSignal | undefined;
  /** Hears the process id as soon as there is one. */
  readonly onStart?: ((processId: number) => void) | undefined;
}

/** Programs of the system live there; a service's PATH often lacks the sbin ones. */
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Runs a program of the system to its end and hands back what it said, in English.
 * @returns undefined when the program is not installed
 * @throws {NetworkError} ABORTED
 */
export async function runProgram(file: string, args: readonly string[], options: ProgramOptions = {}): Promise<ProgramResult | undefined> {
  const { input = '', signal, onStart } = options;
  const running = execa(file, args, {
    input,
    reject: false,
    stripFinalNewline: false,
    env: { LC_ALL: 'C', PATH: `${process.env['PATH'] ?? ''}:${SYSTEM_PATH}` },
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  if (running.pid !== undefined) onStart?.(running.pid);
  const { exitCode, stdout, stderr, isCanceled, code, signal: killedBy } = await running;
  if (isCanceled) throw new NetworkError('ABORTED', `${file} was stopped because the caller gave up`);
  if (code === 'ENOENT') return undefined;
  return { exitCode: exitCode ?? 1, stdout, stderr: killedBy === undefined ? stderr : `${stderr}killed by ${killedBy}` };
}

/** The first line that says what is wrong. */
export function complaint(result: ProgramResult): string {
  const lines = `${result.stderr}\n${result.stdout}`.split('\n').map((line) => line.trim());
  return lines.find((line) => line !== '' && !line.startsWith('#')) ?? `exit code ${result.exitCode}`;
}
