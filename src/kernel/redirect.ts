import { NetworkError } from '../common/error.ts';
import type { NamespacePath } from './op.ts';

/** Inside one namespace: what is sent to a port of a loopback address arrives at another port of it, and answers come back from the first. */
export interface RedirectState {
  readonly namespace: NamespacePath;
  /** Name of the nft table that holds the rules: says whose they are. */
  readonly table: string;
  /** Plain, of 127.0.0.0/8. */
  readonly address: string;
  readonly port: number;
  /** Where UDP and TCP really arrive. */
  readonly udp: number;
  readonly tcp: number;
}

/** Name of the one chain of such a table. */
export const REDIRECT_CHAIN = 'arrive';

/**
 * The same in nft's words, whatever was there before: ports are rewritten where packets enter by `lo`. No
 * connection tracking is switched on by that, and what enters or leaves by other links meets no rule at all.
 * @throws {NetworkError} INVALID for what cannot stand in a rule
 */
export function redirectScript(state: RedirectState): string {
  const { table, address } = checked(state);
  const rules = (['udp', 'tcp'] as const).flatMap((protocol) => [
    `ip daddr ${address} ${protocol} dport ${state.port} ${protocol} dport set ${state[protocol]}`,
    `ip saddr ${address} ${protocol} sport ${state[protocol]} ${protocol} sport set ${state.port}`,
  ]);
  const chain = [`chain ${REDIRECT_CHAIN} {`, '\ttype filter hook ingress device "lo" priority 0; policy accept', ...rules.map((rule) => `\t${rule}`), '}'];
  return [`table netdev ${table}`, `delete table netdev ${table}`, `table netdev ${table} {`, ...chain.map((line) => `\t${line}`), '}', ''].join('\n');
}

/** The state itself, if rules may carry it. @throws {NetworkError} INVALID */
export function checked(state: RedirectState): RedirectState {
  const ports = [state.port, state.udp, state.tcp];
  const good = /^[a-z]\w{0,63}$/u.test(state.table) && /^127(?:\.\d{1,3}){3}$/u.test(state.address) && ports.every((port) => Number.isInteger(port) && port > 0 && port < 65_536);
  if (!good) throw new NetworkError('INVALID', `redirect of ${state.address} port ${ports.join(', ')} in table '${state.table}' cannot stand in a rule`);
  return state;
}
