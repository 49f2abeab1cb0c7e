/** One atomic nftables transaction, in nft's own language: `nft -f -` in the host's namespace. */
export interface NftScript {
  readonly op: 'nft';
  readonly script: string;
}

/** Which iptables programs: they keep separate rule sets. `default` is whatever `iptables` means on this machine. */
export type IptablesVariant = 'default' | 'nft' | 'legacy';

/** One atomic batch: `iptables-restore --noflush -w` (`ip6tables-restore` for family 6), host namespace. */
export interface IptablesRestore {
  readonly op: 'iptables-restore';
  readonly family: 4 | 6;
  readonly variant: IptablesVariant;
  /** The batch, `*table` … `COMMIT`. */
  readonly batch: string;
}

/** A change to the packet filter. */
export type FirewallCommand = NftScript | IptablesRestore;
