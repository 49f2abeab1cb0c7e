/** hosts(5) */

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
