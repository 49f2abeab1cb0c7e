import { IPVLAN_FLAGS, IPVLAN_MODES } from '../../src/kernel/child-traits.ts';
import { oneOf, optionReader, type OptionRow } from '../option-values.ts';
import { parentOptionTable, readParentOptions, unlessEmpty, type ParentOptions } from '../parent/options.ts';

const OWN = 'tsipvlan.';

/** Every option of the ipvlan driver: the built-in one's own names and defaults, and ours. */
export const IPVLAN_OPTION_TABLE: readonly OptionRow[] = [
  { key: 'ipvlan_mode', default: 'l2', meaning: 'l2 | l3 | l3s (l3: routed by the host, nothing is resolved; l3s: through its packet filter too)' },
  { key: 'ipvlan_flag', default: 'bridge', meaning: 'bridge | private | vepa' },
  ...parentOptionTable(OWN),
];

/**
 * Parses `-o KEY=VALUE` options of an ipvlan network.
 * @param warn called with a sentence for an unknown `com.docker.*` option, which is ignored as the engine does
 * @throws {NetworkError} INVALID for an unknown option or a bad value
 */
export function parseIpvlanOptions(options: Readonly<Record<string, string>>, warn: (message: string) => void = () => {}): ParentOptions {
  const read = optionReader('ipvlan', IPVLAN_OPTION_TABLE, options, warn);
  const mode = read('ipvlan_mode', unlessEmpty(oneOf(IPVLAN_MODES)), undefined) ?? 'l2';
  const flag = read('ipvlan_flag', unlessEmpty(oneOf(IPVLAN_FLAGS)), undefined) ?? 'bridge';
  return { ...readParentOptions(read, OWN), traits: { type: 'ipvlan', mode, flag } };
}
