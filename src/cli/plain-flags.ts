/** Flags that Docker's users write with a value. */
const FLAGS: ReadonlySet<string> = new Set(['--ipv4', '--ipv6', '--internal']);

/** `--ipv6=true` as `--ipv6`, `--ipv6=false` as `--no-ipv6`; what stands behind `--` is left alone. */
export function plainFlags(words: readonly string[]): string[] {
  const end = words.indexOf('--');
  return words.map((word, index) => {
    const [, flag = '', value = ''] = /^(--[a-z0-9]+)=(true|false)$/.exec(word) ?? [];
    if (!FLAGS.has(flag) || (end >= 0 && index > end)) return word;
    return value === 'true' ? flag : flag.replace('--', '--no-');
  });
}
