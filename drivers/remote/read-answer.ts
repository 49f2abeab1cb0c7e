import { z } from 'zod';
import { canonicalAddress, formatAddress } from '../../src/common/address.ts';
import { formatCidr, parseInterfaceAddress } from '../../src/common/cidr.ts';
import { NetworkError } from '../../src/common/error.ts';
import { macFromUser } from '../../src/common/mac.ts';
import { quote } from '../../src/common/quote.ts';

/** Text; undefined where it is empty, null or not there, which are the same to the engine. */
export const text: z.ZodType<string | undefined, unknown> = z.string().nullish().transform((value) => (value === null || value === '' ? undefined : value));
/** False where it is not said. */
export const flag: z.ZodType<boolean, unknown> = z.boolean().nullish().transform((value) => value ?? false);
/** `ADDRESS/LENGTH`, canonical. */
export const interfaceAddress: z.ZodType<string | undefined, unknown> = text.transform((value) => parsed(value, canonicalInterfaceAddress));
/** A subnet, canonical. */
export const subnet: z.ZodType<string | undefined, unknown> = text.transform((value) => parsed(value, (cidr) => formatCidr(parseInterfaceAddress(cidr).network)));
/** A plain address, canonical. */
export const plainAddress: z.ZodType<string | undefined, unknown> = text.transform((value) => parsed(value, canonicalAddress));
/** Canonical. */
export const mac: z.ZodType<string | undefined, unknown> = text.transform((value) => parsed(value, macFromUser));

/**
 * What a plugin answered, in the form that it has to have.
 * @throws {NetworkError} UNAVAILABLE that names plugin, method and field
 */
export function readAnswer<T>(shape: z.ZodType<T>, answer: unknown, plugin: string, method: string): T {
  const fail = (what: string): never => {
    throw new NetworkError('UNAVAILABLE', `plugin ${quote(plugin)} answered ${method} with something that no engine understands: ${what}`);
  };
  try {
    const result = shape.safeParse(answer);
    if (result.success) return result.data;
    const [issue] = result.error.issues;
    return fail(`${issue === undefined || issue.path.length === 0 ? '' : `field ${quote(issue.path.map(String).join('.'))}: `}${issue?.message ?? 'malformed'}`);
  } catch (error) {
    if (error instanceof NetworkError && error.code === 'INVALID') return fail(error.message);
    throw error;
  }
}

function canonicalInterfaceAddress(cidr: string): string {
  const { address, network } = parseInterfaceAddress(cidr);
  return `${formatAddress(address)}/${network.prefix}`;
}

function parsed<T>(value: string | undefined, parse: (value: string) => T): T | undefined {
  return value === undefined ? undefined : parse(value);
}
