import { NetworkError } from '../../src/common/error.ts';
import { macFromUser } from '../../src/common/mac.ts';
import { MACVLAN_MODES } from '../../src/kernel/child-traits.ts';
import { oneOf, optionReader, type OptionRow } from '../option-values.ts';
import { parentOptionTable, readParentOptions, unlessEmpty, type EndpointTraits, type ParentOptions } from '../parent/options.ts';

const OWN = 'tsmacvlan.';
const SOURCES = `${OWN}sources`;

/** Every option of the macvlan driver: the built-in one's own names and defaults, and ours. */
export const MACVLAN_OPTION_TABLE: readonly OptionRow[] = [
  { key: 'macvlan_mode', default: 'bridge', meaning: 'bridge | private | vepa | passthru (one endpoint, with the parent’s MAC) | source' },
  ...parentOptionTable(OWN),
  { key: SOURCES, default: 'none', meaning: "with mode source: MAC addresses, separated by ',', whose frames endpoints take" },
];

/**
 * Parses `-o KEY=VALUE` options of a macvlan network.
 * @param warn called with a sentence for an unknown `com.docker.*` option, which is ignored as the engine does
 * @throws {NetworkError} INVALID for an unknown option or a bad value
 */
export function parseMacvlanOptions(options: Readonly<Record<string, string>>, warn: (message: string) => void = () => {}): ParentOptions {
  const read = optionReader('macvlan', MACVLAN_OPTION_TABLE, options, warn);
  const mode = read('macvlan_mode', unlessEmpty(oneOf(MACVLAN_MODES)), undefined) ?? 'bridge';
  const sources = read(SOURCES, (_key, value) => value.split(',').map((mac) => macFromUser(mac.trim())), undefined);
  if ((mode === 'source') !== (sources !== undefined)) throw new NetworkError('INVALID', `macvlan_mode=source and ${SOURCES}=MAC,… need each other: frames are taken from those addresses only`);
  const traits: EndpointTraits = { type: 'macvlan', mode, ...(sources === undefined ? {} : { sources }) };
  return { ...readParentOptions(read, OWN), traits };
}
