/** What goes over the daemon's socket, besides what the controller itself calls its requests and views. */
import type { Exchange } from '../../drivers/remote/exchange.ts';
import type { ErrorCode } from '../common/error.ts';
import type { Finding } from '../controller/finding.ts';
import type { AdoptRequest, CableRequest, ConnectRequest, NetworkRequest, SandboxRequest } from '../controller/requests.ts';

/** A network to be made: what an engine alone may say is left out. */
export type NetworkBody = Omit<NetworkRequest, 'id' | 'owner' | 'publisher'>;

/** A sandbox to be made; ports in the form `[HOST-ADDRESS:][HOST-PORT[-END]:]PORT[-END][/PROTOCOL]`. */
export type SandboxBody = Omit<SandboxRequest, 'ports' | 'lease'> & { readonly ports?: readonly string[] };

/** A sandbox for the life of a process. */
export type LeaseBody = SandboxBody & Required<Pick<SandboxRequest, 'lease'>>;

/** A namespace to be taken in. */
export type AdoptBody = Omit<AdoptRequest, 'ports'> & { readonly ports?: readonly string[] };

/** A sandbox to be attached to a network. */
export type ConnectBody = Omit<ConnectRequest, 'network'> & { readonly sandbox: string };

/** A sandbox to be taken off a network. */
export interface DisconnectBody {
  readonly sandbox: string;
}

/** A veth pair to be put between two sandboxes. */
export type LinkBody = CableRequest;

/** The answer to whatever cannot be done. */
export interface ErrorAnswer {
  readonly code: ErrorCode;
  /** One line that names the value, the reason and the way out. */
  readonly message: string;
}

/** The answer to a changing request with `?explain=true`: nothing has been done. */
export interface ExplainAnswer {
  /** The `ip`, `nft` … commands that it amounts to, in order. */
  readonly commands: readonly string[];
}

/** A line of the answer to a changing request with `?trace=true`: all that is said with Docker plugins, then how it went. */
export type TraceLine = { readonly exchange: Exchange } | { readonly result: unknown } | { readonly refusal: ErrorAnswer };

/** Which daemon this is. */
export interface VersionAnswer {
  readonly version: string;
  /** Of the node that runs it. */
  readonly node: string;
  /** Eight hex digits that every kernel object of this daemon carries. */
  readonly instance: string;
  readonly pid: number;
}

/** Names of the networks that were removed. */
export interface PruneAnswer {
  readonly removed: readonly string[];
}

/** What `doctor --fix` has done, a sentence each. */
export interface FixAnswer {
  readonly repairs: readonly string[];
}

export type { Finding };
