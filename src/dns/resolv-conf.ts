/** resolv.conf(5), read as the C libraries read it: what they pass over is passed over here. */
import { formatV4 } from '../common/address-v4.ts';
import { canonicalAddress, tryParseAddress } from '../common/address.ts';

/** What a resolv.conf says. */
export interface ResolvConf {
  /** Canonical addresses, an IPv6 one perhaps with its scope (`fe80::1%eth0`). All of them; the C libraries ask the first three. */
  readonly servers: readonly string[];
  /** Of `search` and `domain` the last one counts. */
  readonly search: readonly string[];
  /** As written: `ndots:2`, `rotate`. A later one overrules an earlier one. */
  readonly options: readonly string[];
}

/** Blanks of the C libraries' parsers: no other white space separates words. */
const WORDS = /[^ \t]+/g;

/** Most that `ndots` may be (RES_MAXNDOTS in resolv.h). */
const MOST_NDOTS = 15;

/**
 * Reads the text of a resolv.conf. Lines that begin with a blank, unknown keywords and what is no
 * address say nothing, as with glibc (res_init.c); a `#` begins a comment only at the start of a line.
 */
export function parseResolvConf(text: string): ResolvConf {
  const servers: string[] = [];
  const options: string[] = [];
  let search: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [, keyword, rest = ''] = /^([a-z]+)[ \t](.*)$/s.exec(line) ?? [];
    const words = rest.match(WORDS) ?? [];
    const [first] = words;
    if (first === undefined) continue;
    const server = keyword === 'nameserver' ? serverAddress(first) : undefined;
    if (server !== undefined) servers.push(server);
    if (keyword === 'options') options.push(...words);
    if (keyword === 'search') search = words;
    if (keyword === 'domain') search = [first];
  }
  return { servers, search, options };
}

/**
 * Text of a resolv.conf.
 * @param remarks lines of comment at its top, without `#`
 */
export function formatResolvConf(conf: ResolvConf, remarks: readonly string[] = []): string {
  const lines = [
    ...remarks.map((remark) => `# ${remark}`),
    ...conf.servers.map((server) => `nameserver ${server}`),
    ...(conf.search.length === 0 ? [] : [`search ${conf.search.join(' ')}`]),
    ...(conf.options.length === 0 ? [] : [`options ${conf.options.join(' ')}`]),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** What `ndots` is set to by options, 0 to 15; undefined when they do not say. */
export function ndotsOf(options: readonly string[]): number | undefined {
  const last = options.findLast((option) => option.startsWith('ndots:'));
  if (last === undefined) return undefined;
  const digits = /^\d+/.exec(last.slice('ndots:'.length))?.[0] ?? '0';
  return Math.min(Number(digits), MOST_NDOTS);
}

function serverAddress(text: string): string | undefined {
  const [, address = '', scope = ''] = /^([^%]*)(%.+)?$/.exec(text) ?? [];
  const parsed = tryParseAddress(address);
  if (parsed?.family === 6) return `${canonicalAddress(address)}${scope}`;
  return scope === '' ? oldStyleV4(address) : undefined;
}

/** inet_aton(3): `127.1`, `0x7f000001`, `010.0.0.1` with 8 as its first number. */
function oldStyleV4(text: string): string | undefined {
  const parts = text.split('.');
  if (parts.length > 4 || !parts.every((part) => /^(0x[0-9a-f]+|0[0-7]*|[1-9]\d*)$/i.test(part))) return undefined;
  const numbers = parts.map((part) => (/^0\d/.test(part) ? Number.parseInt(part, 8) : Number(part)));
  const last = numbers.pop() ?? 0;
  if (numbers.some((number) => number > 255) || last >= 256 ** (4 - numbers.length)) return undefined;
  return formatV4(numbers.reduce((value, number, index) => value + number * 256 ** (3 - index), last));
}
