/** What the main thread and the kernel worker say to each other. Everything here survives structured clone. */
import { NetworkError } from '../common/error.ts';
import type { ErrorCode, KernelReason } from '../common/error.ts';
import type { IptablesRestore } from './firewall-command.ts';
import type { FoundNamespace, KernelEvent, RawDatagram, SocketRequest } from './kernel.ts';
import type { NamespacePath, Op } from './op.ts';
import type { RawSending } from './raw-udp.ts';
import type { RedirectState } from './redirect.ts';
import type { LinkTables, NamespaceSnapshot, TableRequest } from './snapshot.ts';

/** What the worker does itself: programs are started by the main thread. */
export type WorkerOp = Exclude<Op, IptablesRestore>;

/** A socket on its way to the main thread, which closes it. */
export interface BoundSocket {
  readonly fd: number;
  /** Plain address. */
  readonly address: string;
  readonly port: number;
}

/** Each call with its arguments and its result. */
export interface WorkerCalls {
  readonly apply: { readonly arguments: readonly WorkerOp[]; readonly result: undefined };
  readonly snapshot: { readonly arguments: readonly NamespacePath[]; readonly result: readonly NamespaceSnapshot[] };
  readonly linkTables: { readonly arguments: readonly TableRequest[]; readonly result: readonly LinkTables[] };
  readonly nftList: { readonly arguments: string; readonly result: unknown };
  readonly redirectsInPlace: { readonly arguments: readonly RedirectState[]; readonly result: readonly RedirectState[] };
  readonly knownLinkKinds: { readonly arguments: readonly string[]; readonly result: readonly string[] };
  readonly sysctl: { readonly arguments: { readonly namespace: NamespacePath; readonly key: string }; readonly result: string | undefined };
  readonly identity: { readonly arguments: NamespacePath; readonly result: string | undefined };
  readonly findNamespaces: { readonly arguments: readonly NamespacePath[]; readonly result: readonly FoundNamespace[] };
  readonly openSockets: { readonly arguments: readonly SocketRequest[]; readonly result: readonly (readonly BoundSocket[])[] };
  readonly rawSend: { readonly arguments: RawSending; readonly result: undefined };
  readonly rawClose: { readonly arguments: number; readonly result: undefined };
  /** The main thread is about to start a program that carries these out; {@link WorkerCalls.programEnd} follows. */
  readonly programBegin: { readonly arguments: { readonly ops: readonly Op[]; readonly program: string }; readonly result: undefined };
  readonly programEnd: { readonly arguments: number | undefined; readonly result: undefined };
  readonly watch: { readonly arguments: boolean; readonly result: undefined };
  readonly close: { readonly arguments: undefined; readonly result: undefined };
}

/** A call on its way to the worker. */
export type WorkerRequest = {
  readonly [Name in keyof WorkerCalls]: { readonly id: number; readonly call: Name; readonly arguments: WorkerCalls[Name]['arguments'] };
}[keyof WorkerCalls];

/** What the worker says. */
export type WorkerMessage =
  /** Sent once: writing eight bytes to `wakeFd` makes the worker look at its requests. The main thread closes it. */
  | { readonly kind: 'ready'; readonly wakeFd: number; readonly nftables: boolean }
  | { readonly kind: 'done'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: PlainError }
  | { readonly kind: 'event'; readonly event: KernelEvent }
  | { readonly kind: 'datagram'; readonly id: number; readonly datagram: RawDatagram }
  /** The main thread has a pool for what takes the kernel long. */
  | { readonly kind: 'close'; readonly fd: number };

/** A NetworkError without its prototype, which structured clone drops. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly kernel: KernelReason | undefined;
  readonly stack: string | undefined;
}

/** For the way across. */
export function toPlainError(thrown: unknown): PlainError {
  const { code, message, kernel, stack } = NetworkError.from(thrown);
  return { code, message, kernel, stack };
}

/** Back into an error; the worker's stack is kept as its cause. */
export function fromPlainError(plain: PlainError): NetworkError {
  const { code, message, kernel, stack } = plain;
  return new NetworkError(code, message, kernel === undefined ? { cause: stack } : { cause: stack, kernel });
}
