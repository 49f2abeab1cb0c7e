/** One atomic nftables transaction, in nft's own language: `nft -f -` in the host's namespace. */
export interface NftScript {
  readonly op: 'nft';
  readonly script: string;
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
  /** The batch, `*table` … `COMMIT`. */
  readonly batch: string;
}

/** A change to the packet filter. */
export type FirewallCommand = NftScript | IptablesRestore;
