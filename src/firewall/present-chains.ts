import { NetworkError } from '../common/error.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { objectsIn } from './nft-listing.ts';

/** Names of chains, by nft family (`ip`, `ip6`, `bridge`, `inet`) and table. */
export type PresentChains = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;

/**
 * The chains that really stand in nftables, those of iptables-nft included: `nft list chains`.
 * @returns undefined where there is no nft to list them
 * @throws {NetworkError} KERNEL
 */
export async function presentChains(kernel: Pick<Kernel, 'nftList'>): Promise<PresentChains | undefined> {
  const listing = await list(kernel);
  if (listing === undefined) return undefined;
  const families = Map.groupBy(objectsIn(listing, 'chain'), ({ family }) => String(family));
  return new Map(
    [...families].map(([family, chains]) => {
      const tables = Map.groupBy(chains, ({ table }) => String(table));
      return [family, new Map([...tables].map(([table, members]) => [table, new Set(members.map(({ name }) => String(name)))]))];
    }),
  );
}

async function list(kernel: Pick<Kernel, 'nftList'>): Promise<unknown> {
  try {
    return await kernel.nftList('list chains');
  } catch (error) {
    if (NetworkError.from(error).code === 'UNSUPPORTED') return undefined;
    throw error;
  }
}
