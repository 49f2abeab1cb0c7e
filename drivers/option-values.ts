/** Values of driver options: each parser takes the option's key, for its refusal, and what the user wrote. */
import { formatAddress, tryParseAddress } from '../src/common/address.ts';
import { NetworkError } from '../src/common/error.ts';
import { requireInterfaceName } from '../src/common/name.ts';
import { quote } from '../src/common/quote.ts';

/** What an option means, for `docs/` and for refusals. */
export interface OptionRow {
  readonly key: string;
  readonly default: string;
  readonly meaning: string;
}

/** Turns what the user wrote into a value. @throws {NetworkError} INVALID naming the option and what it may be */
export type OptionParser<T> = (key: string, value: string) => T;

/** Reads an option that may be left out. */
export type OptionReader = <T, Otherwise>(key: string, parse: OptionParser<T>, otherwise: Otherwise) => T | Otherwise;

/** Keys that the engine adds and that say nothing that the request does not say elsewhere. */
const IMPLIED: ReadonlySet<string> = new Set(['com.docker.network.enable_ipv4', 'com.docker.network.enable_ipv6', 'com.docker.network.bridge.default_bridge']);

/**
 * Reads the options of a network whose keys are all in the table.
 * @param driver its name, for messages
 * @param warn called with a sentence for an unknown `com.docker.*` option, which is ignored as the engine does
 * @throws {NetworkError} INVALID for any other unknown option
 */
export function optionReader(driver: string, table: readonly OptionRow[], options: Readonly<Record<string, string>>, warn: (message: string) => void): OptionReader {
  const known = table.map(({ key }) => key);
  for (const key of Object.keys(options)) {
    if (known.includes(key) || IMPLIED.has(key)) continue;
    if (key.startsWith('com.docker.')) warn(`option ${quote(key)} is not one of the ${driver} driver; ignored`);
    else throw unknownOption(driver, key, known);
  }
  return (key, parse, otherwise) => (options[key] === undefined ? otherwise : parse(key, options[key]));
}

function unknownOption(driver: string, key: string, known: readonly string[]): NetworkError {
  const suffix = known.find((name) => name.endsWith(`.${key}`) || name.endsWith(`.enable_${key}`));
  const hint = suffix === undefined ? 'see the table of options in the README' : `did you mean ${suffix}?`;
  return new NetworkError('INVALID', `unknown ${driver} option ${quote(key)}: ${hint}`);
}

/** `true`, `1`, `t` … as Go reads them. */
export const boolean: OptionParser<boolean> = (key, value) => {
  if (['true', '1', 't', 'T', 'TRUE', 'True'].includes(value)) return true;
  if (['false', '0', 'f', 'F', 'FALSE', 'False'].includes(value)) return false;
  throw new NetworkError('INVALID', `option ${key}=${quote(value)}: must be true or false`);
};

/** A whole number between two others, both included. */
export function integer(low: number, high: number): OptionParser<number> {
  return (key, value) => {
    const number = /^\d{1,8}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= low && number <= high) return number;
    throw new NetworkError('INVALID', `option ${key}=${quote(value)}: must be a whole number from ${low} to ${high}`);
  };
}

/** A plain address in canonical text. */
export function address(family?: 4 | 6): OptionParser<string> {
  const wanted = family === undefined ? 'an IPv4 or IPv6 address' : `an IPv${String(family)} address`;
  return (key, value) => {
    const parsed = tryParseAddress(value);
    if (parsed !== undefined && (family === undefined || parsed.family === family)) return formatAddress(parsed);
    throw new NetworkError('INVALID', `option ${key}=${quote(value)}: must be ${wanted}`);
  };
}

/** One of a few words. */
export function oneOf<Word extends string>(words: readonly Word[]): OptionParser<Word> {
  return (key, value) => {
    const word = words.find((candidate) => candidate === value);
    if (word === undefined) throw new NetworkError('INVALID', `option ${key}=${quote(value)}: must be one of ${words.join(', ')}`);
    return word;
  };
}

/** A link's name; the role calls it in refusals. */
export function linkName(role: string): OptionParser<string> {
  return (_key, value) => requireInterfaceName(value, role);
}

/** Prefix of interface names inside a sandbox. */
export const interfacePrefix: OptionParser<string> = (key, value) => {
  if (/^[A-Za-z][A-Za-z0-9_-]{0,11}$/.test(value)) return value;
  throw new NetworkError('INVALID', `option ${key}=${quote(value)}: must be 1 to 12 letters, digits, '_' or '-', a letter first`);
};
