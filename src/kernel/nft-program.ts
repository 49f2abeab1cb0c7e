import { NetworkError } from '../common/error.ts';
import { ERRNO, errnoOf } from './errno.ts';
import { checkNftScript, nftError, parseNftJson } from './nft-error.ts';
import { runProgram } from './programs.ts';
import type { ProgramOptions } from './programs.ts';

/** `nft -f -`, where libnftables is missing. @throws {NetworkError} KERNEL with nft's text, UNSUPPORTED without the program */
export async function runNft(script: string, options: Pick<ProgramOptions, 'onStart'> = {}): Promise<void> {
  checkNftScript(script);
  await nft(['-f', '-'], { ...options, input: script });
}

/** `nft -j COMMAND`, parsed; undefined when there is no such object. @throws {NetworkError} as {@link runNft} */
export async function listNft(command: string): Promise<unknown> {
  try {
    // Not by `-f -`: for JSON nft opens /dev/stdin by name, which a socket for standard input refuses.
    return parseNftJson(await nft(['-j', command], {}));
  } catch (error) {
    if (errnoOf(error) === ERRNO.ENOENT) return undefined;
    throw error;
  }
}

async function nft(args: readonly string[], options: ProgramOptions): Promise<string> {
  const result = await runProgram('nft', args, options);
  if (result === undefined) {
    throw new NetworkError('UNSUPPORTED', 'neither libnftables nor the program nft is installed: install nftables, or choose --firewall iptables');
  }
  if (result.exitCode !== 0) throw nftError(result.stderr);
  return result.stdout;
}
