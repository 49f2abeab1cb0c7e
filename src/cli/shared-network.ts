/** `netctl run --network host | sandbox:NAME | container:NAME`: a program in a network that is there already. */
import { getSandbox } from '../api/calls.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import { containerNamespace } from './container-namespace.ts';
import { enterCommand, enterNamespace, plainCommand } from './enter-command.ts';
import type { SandboxOptions } from './sandbox-options.ts';
import type { Session } from './session.ts';

/** Whose network a program shares. */
export type SharedNetwork = { readonly with: 'host' } | { readonly with: 'sandbox' | 'container'; readonly name: string };

/** Words to be run, and what they find in their environment besides ours. */
export interface SharedCommand {
  readonly words: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
}

/** Options of `netctl run`. */
type RunOptions = SandboxOptions & { readonly name?: string };

/** How the options are written that say something about a sandbox of the program's own. */
const OWN: Readonly<Record<keyof Omit<RunOptions, 'network'>, string>> = {
  name: '--name',
  publish: '-p',
  hostname: '--hostname',
  addHost: '--add-host',
  expose: '--expose',
  label: '--label',
  dns: '--dns',
  dnsSearch: '--dns-search',
  dnsOption: '--dns-option',
  link: '--link',
  sysctl: '--sysctl',
  ip: '--ip',
  ip6: '--ip6',
  mac: '--mac',
  macAddress: '--mac-address',
  alias: '--alias',
  gwPriority: '--gw-priority',
  driverOpt: '--driver-opt',
};

/**
 * The network that is to be shared; undefined where the program is to have a sandbox of its own.
 * @throws {NetworkError} INVALID beside another network, or with an option that would say nothing
 */
export function sharedNetwork(options: RunOptions): SharedNetwork | undefined {
  const networks = options.network ?? [];
  const found = networks.map(parse).find((shared) => shared !== undefined);
  if (found === undefined) return undefined;
  const [flag = '', other] = networks;
  if (other !== undefined) throw new NetworkError('INVALID', `--network ${quote(flag)} and --network ${quote(other)} do not go together: a network is shared as it is, or not at all`);
  const stray = Object.entries(OWN).find(([key]) => options[key as keyof RunOptions] !== undefined)?.[1];
  if (stray === undefined) return found;
  const whose = found.with === 'host' ? 'the host has' : `${found.with} ${quote(found.name)} has`;
  throw new NetworkError('INVALID', `${stray} says something about a sandbox of its own, and with --network ${quote(flag)} there is none: ports, names, addresses and sysctls are those that ${whose}`);
}

/**
 * The words that run a program there.
 * @throws {NetworkError} NOT_FOUND, UNAVAILABLE, UNSUPPORTED without iproute2 or util-linux
 */
export async function sharedCommand(session: Session, shared: SharedNetwork, words: readonly string[]): Promise<SharedCommand> {
  if (shared.with === 'host') return { words: plainCommand(words), environment: {} };
  if (shared.with === 'container') return { words: enterNamespace(await containerNamespace(shared.name), words), environment: {} };
  const sandbox = await session.ask(getSandbox(shared.name));
  return { words: enterCommand(sandbox, words), environment: sandbox.environment };
}

function parse(flag: string): SharedNetwork | undefined {
  const text = flag.replace(/^name=/, '');
  if (/^host(?:,|$)/.test(text)) return text === 'host' ? { with: 'host' } : refuseKeys(flag);
  const [, kind, name = ''] = /^(sandbox|container):(.*)$/.exec(text) ?? [];
  if (kind === undefined) return undefined;
  if (name.includes(',')) return refuseKeys(flag);
  if (name === '') throw new NetworkError('INVALID', `--network ${quote(flag)} must name whose network it is, as in ${kind}:web`);
  return { with: kind === 'sandbox' ? 'sandbox' : 'container', name };
}

function refuseKeys(flag: string): never {
  throw new NetworkError('INVALID', `--network ${quote(flag)}: a network is shared as it is, nothing can be said behind it`);
}
