/** What the main thread and the DNS thread say to each other. Everything here survives structured clone. */
import type { CallRequest, ThreadMessage } from '../kernel/blocked-thread.ts';
import type { NamespacePath } from '../kernel/op.ts';
import type { PlainError } from '../kernel/protocol.ts';
import type { DnsPorts } from './dns-server.ts';
import type { DnsStats } from './dns-stats.ts';
import type { DnsLimits } from './limits.ts';
import type { DirectoryChange } from './names.ts';

/** Each call with its arguments and its result. */
export interface DnsCalls {
  readonly update: { readonly arguments: readonly DirectoryChange[]; readonly result: undefined };
  readonly listen: { readonly arguments: { readonly asker: string; readonly namespace: NamespacePath }; readonly result: DnsPorts };
  readonly unlisten: { readonly arguments: string; readonly result: undefined };
  readonly listenOnGateway: { readonly arguments: { readonly network: string; readonly address: string }; readonly result: undefined };
  readonly unlistenOnGateway: { readonly arguments: string; readonly result: undefined };
  readonly stats: { readonly arguments: undefined; readonly result: DnsStats };
  readonly close: { readonly arguments: undefined; readonly result: undefined };
}

/** A call on its way to the thread. */
export type DnsRequest = CallRequest<DnsCalls>;

/** What the thread says. */
export type DnsMessage =
  | ThreadMessage
  /** A packet or an answer made the code throw. The thread goes on. */
  | { readonly kind: 'defect'; readonly error: PlainError };

/** What the thread is started with. */
export interface DnsThreadData {
  readonly limits: DnsLimits;
  /** The host's resolv.conf. */
  readonly resolvConf: string;
  /** Where the thread marks what it has open: `OpenFiles`. */
  readonly openFiles: Uint8Array;
}
