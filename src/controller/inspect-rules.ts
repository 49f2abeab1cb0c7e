import type { Context } from './context.ts';
import { adjustSurroundings } from './surroundings.ts';

/**
 * Looks whether others changed our rules in tables that we share with them, and puts ours back. Most
 * changes there are to rules of their own, and then this is a look and nothing else. What a repair did
 * not mend is told and left, until something else differs: trying again at each change would have two
 * programs fight.
 */
export async function inspectRules(context: Context): Promise<void> {
  const { applier, events, sharedRules, unmended } = context;
  const differences = async (): Promise<readonly string[]> => (await sharedRules?.drift(applier.facts())) ?? [];
  const found = await differences();
  if (found.length > 0 && found.join('\n') !== unmended.rules) {
    await applier.rebuildFirewall();
    await adjustSurroundings(context);
    const left = await differences();
    unmended.rules = left.join('\n');
    for (const sentence of found.filter((one) => !left.includes(one))) events.emit({ type: 'host', action: 'repair', id: '', name: `${sentence}: put back` });
    for (const sentence of left) events.warn(`packet filter: ${sentence}, and putting it back did not help`);
  } else await adjustSurroundings(context);
}
