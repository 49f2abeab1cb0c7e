import { readFileSync } from 'node:fs';
import { openFileLimit, setOpenFileLimit } from './sys.ts';

/** Two descriptors a sandbox and one a published port: what the kernel itself allows is just enough. */
const WANTED = 1n << 20n;

/** Raises the limit of open files of this process as far as its rights reach. */
export function raiseOpenFileLimit(): void {
  const { soft, hard } = openFileLimit();
  const most = kernelLimit();
  const wanted = most < WANTED ? most : WANTED;
  // Above the hard limit needs CAP_SYS_RESOURCE.
  if (hard < wanted && setOpenFileLimit(wanted, wanted)) return;
  if (soft < hard) setOpenFileLimit(hard, hard);
}

function kernelLimit(): bigint {
  try {
    return BigInt(readFileSync('/proc/sys/fs/nr_open', 'utf8').trim());
  } catch {
    return WANTED;
  }
}
