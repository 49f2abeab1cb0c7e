/** hosts(5): lines of ours in a file that its user may edit as well. */

const BEGIN = '# netctl begin: these lines follow the neighbours; yours are safe above and below';
const END = '# netctl end';

/** How lines of {@link BEGIN} and {@link END} are known again, also of other releases. */
const MARK = { BEGIN: /^# netctl begin\b/, END: /^# netctl end\b/ } as const;

/** What every hosts file begins with. */
export const LOCAL_HOSTS: string = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::0\tip6-localnet',
  'ff00::0\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
  '',
].join('\n');

/** A line: plain address, and names in the order of use, each once whatever its case. */
export function hostsLine(address: string, names: readonly string[]): string {
  const different = names.filter((name, at) => names.findIndex((other) => other.toLowerCase() === name.toLowerCase()) === at);
  return `${address}\t${different.join(' ')}`;
}

/**
 * The text with our block of lines in it: where it stood before, or at the end. Everything else stays
 * as it is, byte for byte. No lines: no block.
 */
export function withHostsBlock(text: string, lines: readonly string[]): string {
  const { before, after } = withoutBlocks(text);
  if (lines.length === 0) return before + after;
  const gap = before === '' || before.endsWith('\n') ? '' : '\n';
  return `${before}${gap}${[BEGIN, ...lines, END].join('\n')}\n${after}`;
}

/** What stands before our first block and what behind it, other blocks taken out too. */
function withoutBlocks(text: string): { readonly before: string; readonly after: string } {
  let before = '';
  let after = '';
  let isInside = false;
  let isBehind = false;
  for (const line of text.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
    if (MARK.BEGIN.test(line)) {
      isInside = true;
      isBehind = true;
      continue;
    }
    if (MARK.END.test(line)) {
      isInside = false;
      continue;
    }
    // A block whose end somebody has deleted ends where something begins that we never write.
    if (isInside && !isEntry(line)) isInside = false;
    if (isInside) continue;
    if (isBehind) after += line;
    else before += line;
  }
  return { before, after };
}

/** Our lines are an address and names: no blank line, no comment. */
function isEntry(line: string): boolean {
  return /^[0-9a-f:.]+\t[^\s#]/i.test(line);
}
