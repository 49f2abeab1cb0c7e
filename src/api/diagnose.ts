import type { Controller } from '../controller/controller.ts';
import type { Finding } from './wire.ts';

/** What `doctor` finds: what in the kernel differs from what is written down. */
export async function diagnose(controller: Pick<Controller, 'drift'>): Promise<readonly Finding[]> {
  const drift = await controller.drift();
  if (drift.length === 0) return [{ level: 'ok', subject: 'state', message: 'the kernel holds what is written down' }];
  return drift.map((message): Finding => ({ level: 'warning', subject: 'drift', message, remedy: "'netctl doctor --fix' makes it again" }));
}
