import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { PrivateHost } from '../test/support/host.ts';

/** The pid by which the machine knows a process that has another one inside a private host. @throws Error when there is none */
export function outerPid(host: PrivateHost, inner: number): number {
  const home = pidNamespace(String(host.pid));
  const found = readdirSync('/proc').find((pid) => /^\d+$/.test(pid) && pidNamespace(pid) === home && innerPid(pid) === inner);
  if (found === undefined) throw new Error(`host ${host.name} has no process ${String(inner)}`);
  return Number(found);
}

function pidNamespace(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return ''; // it has ended meanwhile
  }
}

function innerPid(pid: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^NSpid:.*\s(\d+)$/m.exec(status)?.[1]);
}
