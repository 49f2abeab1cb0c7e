import type { CableEndRequest } from '../controller/requests.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import { containerNamespace } from './container-namespace.ts';
import { splitPair } from './option-values.ts';

/** One end as it was written. */
export interface LinkEnd {
  /** Without the interface: what `--ip` and `--mac` call it. */
  readonly called: string;
  readonly interface: string | undefined;
}

/** @throws {NetworkError} INVALID */
export function parseLinkEnd(text: string): LinkEnd {
  const match = /^((?:pid:|container:)?[^:]+)(?::([^:]+))?$/.exec(text);
  const [, called, name] = match ?? [];
  if (called === undefined) throw new NetworkError('INVALID', `end of a link ${quote(text)} must be SANDBOX, pid:PID or container:NAME, and :INTERFACE if you like, as in web:eth1`);
  if (called.startsWith('pid:') && !/^pid:[1-9]\d{0,9}$/.test(called)) throw new NetworkError('INVALID', `end of a link ${quote(text)}: behind pid: goes the number of a process`);
  return { called, interface: name };
}

/** The place that an end means. @throws {NetworkError} what {@link containerNamespace} throws */
export async function linkPlace({ called }: LinkEnd): Promise<Pick<CableEndRequest, 'sandbox' | 'namespace'>> {
  const [kind, name = ''] = called.split(':');
  if (called.startsWith('pid:')) return { namespace: `/proc/${name}/ns/net` };
  if (called.startsWith('container:')) return { namespace: await containerNamespace(name) };
  return { sandbox: kind ?? '' };
}

/**
 * Values of an option that says for which end each is: `--ip A=10.1.1.1`.
 * @returns those of the two ends
 * @throws {NetworkError} INVALID
 */
export function sortByEnd(option: string, values: readonly string[], ends: readonly [LinkEnd, LinkEnd]): readonly [string[], string[]] {
  const sorted: readonly [string[], string[]] = [[], []];
  for (const value of values) {
    const [called, text] = splitPair(value);
    const index = ends.findIndex((end) => end.called === called);
    const list = sorted[index];
    if (list === undefined || text === '') {
      const examples = ends.map((end) => `${end.called}=…`).join(' or ');
      throw new NetworkError('INVALID', `${option} ${quote(value)} must say for which end it is: ${examples}`);
    }
    list.push(text);
  }
  return sorted;
}
