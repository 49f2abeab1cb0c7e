/** How interfaces in a sandbox are called. */
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { Context } from './context.ts';
import type { SandboxRecord } from './records.ts';

/** Names of the interfaces in a sandbox; an adopted one may have some that we did not make. */
export async function interfaceNames(context: Context, sandbox: SandboxRecord): Promise<Set<string>> {
  const { ledger } = context;
  const plugged = ledger.cablesOfSandbox(sandbox.id).flatMap(({ record }) => record.ends.filter((end) => 'sandboxId' in end && end.sandboxId === sandbox.id));
  const known = [
    ...ledger.endpointsOfSandbox(sandbox.id).flatMap(({ attachment }) => (attachment === undefined ? [] : [attachment.interface])),
    ...plugged.map((end) => end.interface),
  ];
  if (sandbox.kind === 'named') return new Set(known);
  const [snapshot] = await context.kernel.snapshot([sandbox.namespace]);
  return new Set([...known, ...(snapshot?.links.map(({ name }) => name) ?? [])]);
}

/** The name of a new interface: the one that the options of its endpoint ask for, else the next free one. @throws {NetworkError} EXISTS */
export function freeInterface(options: Readonly<Record<string, string>>, prefix: string, used: ReadonlySet<string>): string {
  const wanted = options['com.docker.network.endpoint.ifname'];
  if (wanted !== undefined) {
    if (used.has(wanted)) throw new NetworkError('EXISTS', `the sandbox has an interface ${quote(wanted)} already: choose another com.docker.network.endpoint.ifname`);
    return wanted;
  }
  return nextInterface(prefix, used);
}

/** The first of `eth0`, `eth1` … that is not used. */
export function nextInterface(prefix: string, used: ReadonlySet<string>): string {
  for (let number = 0; ; number += 1) {
    if (!used.has(`${prefix}${number}`)) return `${prefix}${number}`;
  }
}
