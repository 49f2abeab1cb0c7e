/** Table with which a machine is cut off from the others. */
export const CUT_TABLE = 'netctl_lab_cut';

/** Rules for `nft -f -` that let nothing in or out by a link. @param except plain IPv4 address with which it may still speak */
export function cutByNft(uplink: string, except?: string): string {
  const chain = (hook: string, link: string, other: string): string => {
    const spared = except === undefined ? '' : `add rule inet ${CUT_TABLE} ${hook} ${link} "${uplink}" ip ${other} ${except} accept\n`;
    return `add chain inet ${CUT_TABLE} ${hook} { type filter hook ${hook} priority -500; }\n${spared}add rule inet ${CUT_TABLE} ${hook} ${link} "${uplink}" drop\n`;
  };
  return `add table inet ${CUT_TABLE}\n${chain('prerouting', 'iifname', 'saddr')}${chain('postrouting', 'oifname', 'daddr')}`;
}
