import type { Context } from './context.ts';
import { reconcile } from './reconcile.ts';

/**
 * {@link reconcile}, with what it put right in the packet filter by name: it makes all of our rules anew
 * and does not look what was wrong with them.
 * @returns what had to be repaired, a sentence each
 */
export async function repair(context: Context): Promise<string[]> {
  const before = await wrongRules(context);
  const repairs = await reconcile(context);
  const names = await repairNames(context);
  const after = before.length === 0 ? [] : await wrongRules(context);
  const mended = before.filter((sentence) => !after.includes(sentence)).map((sentence) => `${sentence}: put right`);
  for (const name of mended) context.events.emit({ type: 'host', action: 'repair', id: '', name });
  return [...mended, ...repairs, ...names];
}

/** Everything about names again; what was wrong and is not any more. */
async function repairNames({ events, names }: Context): Promise<string[]> {
  const before = names.problems();
  names.refresh();
  await names.settle();
  const after = new Set(names.problems());
  const mended = before.filter((sentence) => !after.has(sentence)).map((sentence) => `${sentence}: put right`);
  for (const name of mended) events.emit({ type: 'host', action: 'repair', id: '', name });
  return mended;
}

async function wrongRules(context: Context): Promise<string[]> {
  const findings = await context.firewallFindings(context.applier.facts());
  return findings.filter(({ level }) => level === 'error').map(({ message }) => message);
}
