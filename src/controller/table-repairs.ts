import type { EntryChange, Op } from '../kernel/op.ts';

/** What was wrong with the tables of a link, before and after it was put right. */
export interface TableRepair {
  readonly namespace: string;
  readonly link: string;
  readonly wrong: string;
  readonly repaired: string;
}

const WORDS: Readonly<Record<EntryChange['op'], readonly [one: string, many: string, wrong: string, repaired: string]>> = {
  'fdb-add': ['forwarding entry', 'forwarding entries', 'missing or wrong', 'restored'],
  'fdb-delete': ['forwarding entry', 'forwarding entries', 'too many', 'of somebody else removed'],
  'neighbour-add': ['neighbour', 'neighbours', 'missing or wrong', 'restored'],
  'neighbour-delete': ['neighbour', 'neighbours', 'too many', 'of somebody else removed'],
};

/** What operations that bring tables back say about what was wrong: a sentence for each link and kind of change, however many entries there were. */
export function tableRepairs(ops: readonly Op[]): TableRepair[] {
  const groups = Map.groupBy(ops.filter(isEntryChange), ({ op, namespace, link }) => `${op} ${namespace} ${link}`);
  return [...groups.values()].flatMap((all): TableRepair[] => {
    const [first] = all;
    if (first === undefined) return [];
    const { op, namespace, link } = first;
    const [one, many, wrong, repaired] = WORDS[op];
    const what = `${all.length} ${all.length === 1 ? one : many}`;
    return [{ namespace, link, wrong: `${what} ${wrong} on ${link}`, repaired: `${what} ${repaired} on ${link}` }];
  });
}

function isEntryChange(op: Op): op is EntryChange {
  return op.op in WORDS;
}
