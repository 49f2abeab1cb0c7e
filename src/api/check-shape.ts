import type { z } from 'zod';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';

/**
 * The value, if it has the shape.
 * @param what names the whole in messages: `request body`
 * @throws {NetworkError} INVALID names the first field that is wrong, and why
 */
export function checkShape<T>(shape: z.ZodType<T>, value: unknown, what: string): T {
  const result = shape.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new NetworkError('INVALID', issue === undefined ? `the ${what} is not valid` : describe(issue, value, what));
}

function describe(issue: z.core.$ZodIssue, value: unknown, what: string): string {
  const path = pathText(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return `the ${what} has an unknown field ${issue.keys.map((key) => quote(path === '' ? key : `${path}.${key}`)).join(', ')}`;
  }
  const reason = issue.message.replace(/^Invalid (?:input|string|option): /, '');
  if (path === '') return `the ${what} is wrong: ${reason}`;
  const found = issue.path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[String(key)] : undefined), value);
  return `field ${quote(path)} of the ${what} is wrong: ${reason}${found === undefined ? '' : `, not ${quote(JSON.stringify(found))}`}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** `networks[0].ipv4` */
function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}${text === '' ? '' : '.'}${String(key)}`), '');
}
