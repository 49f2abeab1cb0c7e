/** Which entries of forwarding databases and neighbour tables come and go. Pure. */
import { changeOf } from '../common/list-change.ts';
import { fdbKey, FLOOD_MAC, type FdbState, type NeighbourState } from '../kernel/forwarding-state.ts';
import type { LinkState } from '../kernel/link-state.ts';
import type { FdbChange, NeighbourChange, Op } from '../kernel/op.ts';

/** Operations before and behind those that change links. */
export interface TableChanges {
  readonly gone: readonly Op[];
  readonly come: readonly Op[];
}

/** A link as it is to be and as it is; one of them is left out where it comes or goes. */
export interface LinkPair {
  readonly wanted: LinkState | undefined;
  readonly actual: LinkState | undefined;
}

/**
 * The changes of all links, from the bottom to the top: first the VXLAN link learns behind which host a MAC is, then the
 * bridge that it is behind the VXLAN link, and at last who has the address. From then on the bridge answers for it and somebody sends there, and
 * everything below is ready. The other way round, the host's first packets to it would go to every port of the bridge and
 * to every host of the flood list. What goes, goes from the top: as long as the bridge knows the MAC, no frame for
 * it is flooded by the VXLAN link, and who still remembers it reaches the host where it was, which is right or harmless.
 */
export function tableChanges(pairs: readonly LinkPair[]): TableChanges {
  const fdb = { gone: [] as FdbChange[], come: [] as FdbChange[] };
  const neighbours = { gone: [] as NeighbourChange[], come: [] as NeighbourChange[] };
  for (const { wanted, actual } of pairs) {
    const { namespace, name: link } = wanted ?? actual ?? {};
    if (namespace === undefined || link === undefined) continue;
    if (wanted?.forwarding !== undefined || actual?.forwarding !== undefined) {
      const { gone, come } = difference(kept(wanted, actual), wanted?.forwarding ?? [], FDB);
      for (const entry of gone) fdb.gone.push({ op: 'fdb-delete', namespace, link, ...entry });
      for (const entry of come) fdb.come.push({ op: 'fdb-add', namespace, link, ...entry });
    }
    if (wanted?.neighbours !== undefined || actual?.neighbours !== undefined) {
      const { gone, come } = difference(remembered(wanted, actual), wanted?.neighbours ?? [], NEIGHBOURS);
      for (const entry of gone) neighbours.gone.push({ op: 'neighbour-delete', namespace, link, ...entry });
      for (const entry of come) neighbours.come.push({ op: 'neighbour-add', namespace, link, ...entry });
    }
  }
  return {
    gone: [...neighbours.gone, ...fdb.gone.filter((op) => 'master' in op), ...fdb.gone.filter((op) => 'destination' in op)],
    come: [...fdb.come.filter((op) => 'destination' in op), ...fdb.come.filter((op) => 'master' in op), ...neighbours.come],
  };
}

const NONE: readonly never[] = [];

/** The bridge forgets what was behind a port that leaves it. */
function kept(wanted: LinkState | undefined, actual: LinkState | undefined): readonly FdbState[] {
  const before = actual?.forwarding ?? NONE;
  return wanted?.master === undefined || wanted.master === actual?.master ? before : before.filter((entry) => !('master' in entry));
}

/** A link that takes another MAC forgets its neighbours, permanent ones too (neigh_changeaddr). */
function remembered(wanted: LinkState | undefined, actual: LinkState | undefined): readonly NeighbourState[] {
  const before = actual?.neighbours ?? NONE;
  return wanted?.mac === undefined || wanted.mac === actual?.mac ? before : NONE;
}

/** How entries are told apart. */
interface Kind<Entry> {
  /** Of entries with the same place there is one at a time: the next replaces it. */
  readonly place: (entry: Entry) => string;
  readonly same: (a: Entry, b: Entry) => boolean;
}

const FDB: Kind<FdbState> = {
  place: (entry) => ('master' in entry || entry.mac === FLOOD_MAC ? fdbKey(entry) : entry.mac),
  same: (a, b) => ('destination' in a ? 'destination' in b && a.destination === b.destination : 'master' in b),
};

const NEIGHBOURS: Kind<NeighbourState> = { place: ({ address }) => address, same: (a, b) => a.mac === b.mac };

/** Lists of the same objects cost next to nothing; of a list that is the next version of the other, only what changed is looked at. */
function difference<Entry extends object>(before: readonly Entry[], wanted: readonly Entry[], kind: Kind<Entry>): { readonly gone: Entry[]; readonly come: Entry[] } {
  if (before === wanted) return { gone: [], come: [] };
  const change = changeOf(wanted);
  return change?.before === before ? compare(change.gone, change.come, kind) : compare(before, wanted, kind);
}

function compare<Entry extends object>(before: readonly Entry[], wanted: readonly Entry[], { place, same }: Kind<Entry>): { readonly gone: Entry[]; readonly come: Entry[] } {
  const had = new Set<Entry>(before);
  const wants = new Set<Entry>(wanted);
  const old = new Map(before.filter((entry) => !wants.has(entry)).map((entry) => [place(entry), entry]));
  const come = wanted.filter((entry) => {
    if (had.has(entry)) {
      // Stated twice, as two objects: one of them stays.
      if (old.size > 0) old.delete(place(entry));
      return false;
    }
    const there = old.get(place(entry));
    old.delete(place(entry));
    return there === undefined || !same(there, entry);
  });
  return { gone: [...old.values()], come };
}
