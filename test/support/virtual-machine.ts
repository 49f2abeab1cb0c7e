import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MACHINE_MARK } from './patience.ts';
import { privately } from './private-namespace.ts';
import { relayTests } from './relayed-tests.ts';
import { run } from './run.ts';
import { skip } from './skip.ts';

const INVM = fileURLToPath(new URL('invm', import.meta.url));
const MOCHA = fileURLToPath(import.meta.resolve('mocha/bin/mocha.js'));

/** s for the machine, its start included; without hardware virtualisation everything takes ten times as long there. */
const LIMIT = 1500;

/** What node makes of the sources, read in the machine: making it there takes 20 s. */
const COMPILED: Readonly<Record<string, string>> = { NODE_COMPILE_CACHE: join(process.env['NETCTL_CACHE'] ?? join(homedir(), '.cache/libnetwork-ts'), 'compiled') };

/** Node as here, and the system's own programs before others of their names: a python3 that a version manager picks takes 15 s to start there. */
const SYSTEM_FIRST = { PATH: `${dirname(process.execPath)}:/usr/sbin:/usr/bin:/sbin:/bin:${process.env['PATH'] ?? ''}` };

/**
 * Runs the tests of a file in a virtual machine with Debian's own kernel, for what other kernels may
 * lack: ipvlan, 802.1Q, dummy; in fresh namespaces there. Nothing of it is left when it ends. Skips
 * them where no qemu is.
 *
 * @param file the calling file: `import.meta.filename`
 * @param define the tests, as they would stand in the file otherwise
 */
export function inVirtualMachine(file: string, define: () => void): void {
  if (process.env[MACHINE_MARK] === file) return define();
  relayTests({
    file,
    mark: MACHINE_MARK,
    where: 'in a virtual machine',
    // Certificates that a caller may have added are read at every start of node, which costs seconds there.
    enter: [INVM, '--timeout', String(LIMIT), '--', 'env', '-u', 'NODE_EXTRA_CA_CERTS', ...privately('shared')],
    env: { ...COMPILED, ...SYSTEM_FIRST },
    results: 1,
    timeout: 600_000,
    limit: (LIMIT + 60) * 1000,
    check: async (context) => {
      const { code, stderr } = await run([INVM, '--check'], { allowFail: true });
      if (code !== 0) skip(context, `virtual machine: ${stderr.trim().replace(/^invm: /u, '')}`);
      await run([process.execPath, MOCHA, '--no-config', '--no-package', '--dry-run', file], { env: { ...COMPILED, [MACHINE_MARK]: file } });
    },
  });
}
