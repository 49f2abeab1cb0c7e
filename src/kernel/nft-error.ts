import { NetworkError } from '../common/error.ts';
import { errnoOfWords, errnoSymbol } from './errno.ts';

/** What nft wrote about a script that it refused, as an error of one line: its first sentence and the line of the script it points at. */
export function nftError(text: string): NetworkError {
  const lines = text.split('\n').map((line) => line.trim());
  const at = lines.findIndex((line) => line.includes('Error:'));
  const sentence = (lines[Math.max(at, 0)] ?? '').replace(/^.*?Error: /u, '');
  const source = at < 0 ? '' : (lines[at + 1] ?? '');
  const errno = errnoOfWords(sentence);
  const message = `nft refused the rules: ${sentence || 'it gave no reason'}${source === '' ? '' : ` in \`${source.slice(0, 200)}\``}`;
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
