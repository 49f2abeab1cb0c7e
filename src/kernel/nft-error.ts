import { NetworkError } from '../common/error.ts';
import { errnoOfWords, errnoSymbol } from './errno.ts';

/** Of nft, where getprotobyname(3) knows none: minimal images of Debian come without the file. */
const NO_PROTOCOLS = 'Could not resolve protocol name';

/** @throws {NetworkError} INVALID for a script of which the C side would read, and apply, only the first half */
export function checkNftScript(script: string): void {
  if (script.includes('\0')) throw new NetworkError('INVALID', 'a script for nft must not contain a NUL character');
}

/**
 * What nft wrote about a script that it refused, as an error of one line: its first sentence and the
 * line of the script that it points at.
 * @param sourceIsRight false where nft cannot know the line: libnftables shows the first one of a script, always
 */
export function nftError(text: string, sourceIsRight = true): NetworkError {
  const lines = text.split('\n').map((line) => line.trim());
  const at = lines.findIndex((line) => line.includes('Error:'));
  const sentence = (lines[Math.max(at, 0)] ?? '').replace(/^.*?Error: /u, '');
  const source = at < 0 || !sourceIsRight ? '' : (lines[at + 1] ?? '');
  const errno = errnoOfWords(sentence);
  const wayOut = sentence.includes(NO_PROTOCOLS) ? ' (it looks them up in /etc/protocols: install netbase)' : '';
  const message = `nft refused the rules: ${sentence || 'it gave no reason'}${wayOut}${source === '' ? '' : ` in \`${source.slice(0, 200)}\``}`;
  return new NetworkError('KERNEL', message, errno === undefined ? {} : { kernel: { errno, symbol: errnoSymbol(errno), text: sentence } });
}

/** The parsed answer of `nft -j`. @throws {NetworkError} INTERNAL when it is no JSON */
export function parseNftJson(text: string): unknown {
  try {
    return JSON.parse(text === '' ? '{"nftables":[]}' : text);
  } catch (error) {
    throw new NetworkError('INTERNAL', `nft answered something else than JSON: ${text.slice(0, 80)}`, { cause: error });
  }
}
