import type { Door } from './name-servers/name-server.ts';

/** What dnsperf saw. */
export interface Throughput {
  readonly completed: number;
  readonly lost: number;
  readonly perSecond: number;
}

/** As many clients ask as have a process each in a busy sandbox, a hundred questions on the way together. */
const LOAD = ['-c', '8', '-q', '100', '-T', '1'];

/** Asks for all names in turn, for so many seconds. @param file path of the questions inside the host */
export async function dnsperf({ from, address, port }: Door, file: string, seconds: number): Promise<Throughput> {
  const { stdout } = await from.exec(['dnsperf', '-s', address, '-p', String(port), '-d', file, '-l', String(seconds), ...LOAD], { timeout: (seconds + 20) * 1000 });
  const read = (label: string): number => Number(new RegExp(`${label}:\\s+([\\d.]+)`).exec(stdout)?.[1]);
  return { completed: read('Queries completed'), lost: read('Queries lost'), perSecond: read('Queries per second') };
}
