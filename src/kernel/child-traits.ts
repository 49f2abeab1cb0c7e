/** Links that sit on another one, which Linux calls their lower device and people their parent. */

/** How macvlan siblings see each other (linux/if_link.h: MACVLAN_MODE_*). */
export const MACVLAN_MODES = ['bridge', 'private', 'vepa', 'passthru', 'source'] as const;
/** One of {@link MACVLAN_MODES}. */
export type MacvlanMode = (typeof MACVLAN_MODES)[number];

/** On which layer an ipvlan parent tells its children apart (IPVLAN_MODE_*). */
export const IPVLAN_MODES = ['l2', 'l3', 'l3s'] as const;
/** One of {@link IPVLAN_MODES}. */
export type IpvlanMode = (typeof IPVLAN_MODES)[number];

/** How ipvlan siblings see each other (IPVLAN_F_*). */
export const IPVLAN_FLAGS = ['bridge', 'private', 'vepa'] as const;
/** One of {@link IPVLAN_FLAGS}. */
export type IpvlanFlag = (typeof IPVLAN_FLAGS)[number];

/** What a link on top of another one is, but for that other one. */
export type ChildTraits =
  /** 802.1Q, 1 to 4094 */
  | { readonly type: 'vlan'; readonly id: number }
  /** `sources`, with mode `source` only: MAC addresses from which it takes frames. */
  | { readonly type: 'macvlan'; readonly mode: MacvlanMode; readonly sources?: readonly string[] }
  /** Mode and flag belong to the parent: a child that comes with others changes those of its siblings. */
  | { readonly type: 'ipvlan'; readonly mode: IpvlanMode; readonly flag: IpvlanFlag };

/** Whether two are the same; sources count as a set. */
export function sameTraits(a: ChildTraits | undefined, b: ChildTraits | undefined): boolean {
  return traitsKey(a) === traitsKey(b);
}

function traitsKey(traits: ChildTraits | undefined): string {
  switch (traits?.type) {
    case undefined:
      return '';
    case 'vlan':
      return `vlan ${traits.id}`;
    case 'macvlan':
      return `macvlan ${traits.mode} ${[...(traits.sources ?? [])].toSorted().join(' ')}`;
    case 'ipvlan':
      return `ipvlan ${traits.mode} ${traits.flag}`;
  }
}
