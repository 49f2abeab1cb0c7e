/** What a list has that the one before it had not, and the other way round. */
export interface ListChange<One extends object> {
  readonly before: readonly One[];
  readonly gone: readonly One[];
  readonly come: readonly One[];
}

const changes = new WeakMap<object, ListChange<object>>();

/**
 * The next version of a list of tens of thousands of which a few change: whoever knows the one before learns by
 * {@link changeOf} what is different, and need not look at all of it.
 * @param gone the very objects in the list before
 */
export function changedList<One extends object>(before: readonly One[], gone: readonly One[], come: readonly One[]): readonly One[] {
  if (gone.length === 0 && come.length === 0) return before;
  const after = without(before, gone).concat(come);
  // One step back, and no chain of all versions that ever were.
  changes.delete(before);
  changes.set(after, { before, gone, come });
  return after;
}

/** What made a list out of the one before; undefined where that is not known. */
export function changeOf<One extends object>(after: readonly One[]): ListChange<One> | undefined {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what was changed had the same kind of members
  return changes.get(after) as ListChange<One> | undefined;
}

/** Moving the rest of a list takes a hundredth of the time that asking each member does. */
const FEW = 16;

function without<One extends object>(list: readonly One[], gone: readonly One[]): One[] {
  if (gone.length > FEW) {
    const away = new Set<One>(gone);
    return list.filter((one) => !away.has(one));
  }
  const rest = [...list];
  for (const one of gone) {
    const at = rest.indexOf(one);
    if (at >= 0) rest.splice(at, 1);
  }
  return rest;
}
