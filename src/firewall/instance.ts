import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';

/** The names under which one owner's objects stand in the packet filter. */
export interface InstanceNames {
  /** Table of nft, in the families inet and bridge. */
  readonly table: string;
  /** Comment of our rules in other people's chains. */
  readonly comment: string;
  /** Name of an iptables chain of ours, e.g. `NETCTL-0a1b2c3d-PORTS`. */
  chain(role: string): string;
}

/** What all iptables chains of ours, of any owner, begin with. */
const CHAIN_PREFIX = 'NETCTL-';

/** What all nft tables of ours, of any owner, begin with. */
export const TABLE_PREFIX = 'netctl_';

/** What the comments of our rules, of any owner, begin with. */
export const COMMENT_PREFIX = 'netctl:';

/** XT_EXTENSION_MAXNAMELEN in include/uapi/linux/netfilter/x_tables.h is 29, the closing zero included. */
const LONGEST_CHAIN = 28;

/**
 * The names of one owner's objects.
 * @param instance 8 hex digits, of its state folder
 * @throws {NetworkError} INVALID
 */
export function instanceNames(instance: string): InstanceNames {
  if (!/^[0-9a-f]{8}$/.test(instance)) throw new NetworkError('INVALID', `instance ${quote(instance)} must be 8 hex digits in lower case`);
  return {
    table: `${TABLE_PREFIX}${instance}`,
    comment: `${COMMENT_PREFIX}${instance}`,
    chain(role) {
      const name = `${CHAIN_PREFIX}${instance}-${role}`;
      if (name.length > LONGEST_CHAIN) throw new NetworkError('INTERNAL', `chain name ${name} is longer than ${LONGEST_CHAIN} characters`);
      return name;
    },
  };
}
