/**
 * The two link groups of an owner (`ip link show group N`): all of its links are in `live`, those
 * about to be deleted in `doomed`. Deleting a group deletes every link in it, so the numbers must
 * be nobody else's: 0x6e marks ours, 23 bits tell the owners apart.
 * @param instance eight hex digits
 */
export function linkGroups(instance: string): { readonly live: number; readonly doomed: number } {
  const owner = Number.parseInt(instance, 16) & 0x7f_ffff;
  const live = 0x6e00_0000 | (owner << 1);
  return { live, doomed: live | 1 };
}
