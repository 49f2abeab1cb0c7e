/** How option texts become values; each is given to commander as an option's parser. */
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';

/** An option that may be given several times. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/**
 * An option `NAME=VALUE` that may be given several times; `NAME` alone has an empty value.
 * @param option how it is called in messages: `--label`
 */
export function collectPairs(option: string): (value: string, before: Readonly<Record<string, string>> | undefined) => Readonly<Record<string, string>> {
  return (value, before) => {
    const [name, text] = splitPair(value);
    if (name === '') throw new NetworkError('INVALID', `${option} ${quote(value)} must be NAME=VALUE`);
    return { ...before, [name]: text };
  };
}

/**
 * A whole number of 32 bits.
 * @param option how it is called in messages: `--gw-priority`
 */
export function integer(option: string): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (/^[-+]?\d{1,10}$/.test(value) && Math.trunc(number) === number && Math.abs(number) < 2 ** 31) return number;
    throw new NetworkError('INVALID', `${option} ${quote(value)} must be a whole number, as in 10`);
  };
}

/** An option with few values. */
export function oneOf<Value extends string>(option: string, values: readonly Value[]): (value: string) => Value {
  return (value) => {
    const found = values.find((known) => known === value);
    if (found === undefined) throw new NetworkError('INVALID', `${option} ${quote(value)} must be ${values.join(' or ')}`);
    return found;
  };
}

/** `NAME=VALUE` taken apart at its first `=`. */
export function splitPair(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** The object without the keys whose value is undefined. */
export function defined<T extends object>(object: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as { [Key in keyof T]: Exclude<T[Key], undefined> };
}
