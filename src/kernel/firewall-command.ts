/** One field of a key or of what a key leads to: an address, `tcp`, a port. */
export interface NftField {
  readonly type: 'ipv4_addr' | 'ipv6_addr' | 'inet_proto' | 'inet_service';
  readonly value: string;
}

/** One element of a set or map without intervals and verdicts: `add element FAMILY TABLE SET { KEY : DATA }`. */
export interface NftElementChange {
  readonly change: 'add' | 'delete';
  readonly family: 'inet' | 'bridge';
  readonly table: string;
  readonly set: string;
  readonly key: readonly NftField[];
  readonly data?: readonly NftField[];
}

/** A table that iptables-nft or ebtables-nft keeps its chains in. */
export interface NftTable {
  readonly family: 'ip' | 'ip6' | 'bridge';
  readonly table: string;
}

/** One atomic nftables transaction, in nft's own language: `nft -f -` in the host's namespace. */
export interface NftScript {
  readonly op: 'nft';
  readonly script: string;
  /**
   * All that the script does, where that is nothing but such elements: sent straight to the kernel, because nft
   * first reads every set of everybody (0.01 ms against 0.15 with our sets alone and 7 beside 200 others).
   */
  readonly elements?: readonly NftElementChange[];
  /**
   * All that the script does, where that is deleting tables for holding nothing: sent straight to the kernel, each on
   * its own, because nft would delete what others have put into them meanwhile. One that holds something stays.
   */
  readonly empty?: readonly NftTable[];
}

/** Which iptables programs: they keep separate rule sets. `default` is whatever `iptables` means on this machine. */
export type IptablesVariant = 'default' | 'nft' | 'legacy';

/** What rules are about: IPv4 (iptables), IPv6 (ip6tables), frames that a bridge passes on (ebtables). */
export type IptablesFamily = 4 | 6 | 'bridge';

/** One atomic batch: `iptables-restore --noflush -w`, `ip6tables-restore` or `ebtables-restore` by family, host namespace. */
export interface IptablesRestore {
  readonly op: 'iptables-restore';
  readonly family: IptablesFamily;
  readonly variant: IptablesVariant;
  /** The batch, `*table` … `COMMIT`; for a bridge without COMMIT, which ebtables-legacy does not take. */
  readonly batch: string;
  /** It only tidies up: if it is refused, because somebody uses what it would take away, nothing is lost. */
  readonly optional?: true;
}

/** A change to the packet filter. */
export type FirewallCommand = NftScript | IptablesRestore;
