import { NetworkError } from '../common/error.ts';
import { BlockedThread } from '../kernel/blocked-thread.ts';
import { OpenFiles } from '../kernel/open-files.ts';
import { fromPlainError } from '../kernel/protocol.ts';
import { portHolder } from '../kernel/port-holder.ts';
import type { DnsServer } from './dns-server.ts';
import { DEFAULT_LIMITS, type DnsLimits } from './limits.ts';
import type { DnsCalls, DnsMessage, DnsThreadData } from './thread-protocol.ts';

/** Beside this file, whether it is the source or its compiled form. */
const THREAD_FILE = new URL(`./dns-thread${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`, import.meta.url);

/** Nothing here lives for long: V8's own choice let a flood of questions to others take 45 MB more, and was no faster. */
const YOUNG_GENERATION = 8;

/** How the server is opened. */
export interface DnsServerOptions {
  /** What differs from {@link DEFAULT_LIMITS}. */
  readonly limits?: Partial<DnsLimits>;
  /** Names the host's servers; default `/etc/resolv.conf`. Followed when it changes. */
  readonly resolvConf?: string;
  /** A packet or an answer made the code throw: a defect of ours, for the log. The server goes on. */
  readonly onDefect?: (error: NetworkError) => void;
  /** The thread has ended by itself, and everything it had open with it: another server has to be opened and told everything. */
  readonly onCrash?: (error: NetworkError) => void;
}

/**
 * Starts the name server of the host in whose network namespace this process runs. It knows no name and
 * nobody who asks, and listens nowhere.
 * @throws {NetworkError} INTERNAL when its thread does not come up
 *
 * @example
 * ```ts
 * await using dns = await openDnsServer();
 * await dns.update([{ change: 'set-network', network }, { change: 'set-asker', asker }]);
 * const { udp, tcp } = await dns.listen(asker.id, '/run/netns/web');
 * ```
 */
export async function openDnsServer(options: DnsServerOptions = {}): Promise<DnsServer> {
  const openFiles = new OpenFiles();
  const data: DnsThreadData = { limits: { ...DEFAULT_LIMITS, ...options.limits }, resolvConf: options.resolvConf ?? '/etc/resolv.conf', openFiles: openFiles.table };
  const thread = new BlockedThread<DnsCalls, DnsMessage>({
    name: 'dns',
    file: THREAD_FILE,
    youngGeneration: YOUNG_GENERATION,
    data,
    onNews: (news) => {
      if (news.kind === 'defect') options.onDefect?.(fromPlainError(news.error));
    },
    onCrash: (error) => {
      // The ports at gateways are in use, and namespaces of others alive, as long as its sockets are.
      openFiles.close();
      options.onCrash?.(error);
    },
  });
  await thread.ready();
  let closed = false;
  const call = async <Name extends keyof DnsCalls>(name: Name, args: DnsCalls[Name]['arguments']): Promise<DnsCalls[Name]['result']> => {
    if (closed) throw new NetworkError('UNAVAILABLE', 'the name server was closed');
    return thread.call(name, args);
  };
  return {
    update: async (changes) => call('update', changes),
    listen: async (asker, namespace) => call('listen', { asker, namespace }),
    unlisten: async (asker) => call('unlisten', asker),
    listenOnGateway: async (network, address) => {
      try {
        await call('listenOnGateway', { network, address });
      } catch (error) {
        throw inWords(error, address);
      }
    },
    unlistenOnGateway: async (network) => call('unlistenOnGateway', network),
    stats: async () => call('stats', undefined),
    [Symbol.asyncDispose]: async () => {
      closed = true;
      await thread.close();
    },
  };
}

/** Names the program that has the port: most hosts have a name server of their own. */
function inWords(error: unknown, address: string): unknown {
  if (!(error instanceof NetworkError) || error.code !== 'IN_USE') return error;
  const holder = portHolder(53) ?? 'another program';
  const advice = 'tell it to listen only on addresses of its own (dnsmasq: bind-dynamic, interface; named, unbound: listen-on, interface), or do without the name server at the gateway';
  return new NetworkError('IN_USE', `port 53 of ${address} is held by ${holder}: ${advice}`, { cause: error });
}
