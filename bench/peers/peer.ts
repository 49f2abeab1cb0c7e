import type { PrivateHost } from '../../test/support/host.ts';

/** An endpoint that is to be attached. */
export interface Endpoint {
  /** Short, and its own within the host. */
  readonly name: string;
  /** Its own within the host, from 0; those that are measured and those that are merely there count together. */
  readonly number: number;
  /** `/run/netns/NAME`, there already. */
  readonly namespace: string;
  /** TCP ports of the host, each published to port 80 of the endpoint. */
  readonly hostPorts: readonly number[];
}

/** Something that attaches namespaces to a network of containers. Lives inside a private host. */
export interface Peer extends AsyncDisposable {
  /** Gets ready for an endpoint what is not to be measured. */
  prepare?(endpoint: Endpoint): Promise<void>;
  /** Attaches: link, address, default route, published ports. */
  attach(endpoint: Endpoint): Promise<void>;
  /** Takes it off again and frees what it held. */
  detach(endpoint: Endpoint): Promise<void>;
  /** Makes endpoints be there, their namespaces are already: by attaching, or by copying what an attached one leaves in the kernel. */
  populate(endpoints: readonly Endpoint[]): Promise<void>;
}

/** One row of the tables. */
export interface PeerKind {
  readonly name: string;
  readonly title: string;
  /** A row of the same name with two families is compared with ours of two families. */
  readonly families: 4 | 46;
  /** Debian packages that bring it; unpacked where it is missing. */
  readonly packages: readonly string[];
  /** File that is there when it can be run. */
  readonly program?: string;
  /** Attaches and detaches in one round of measuring: the slow are asked less often. */
  readonly perRound: number;
  /** Everything that has to run in the host besides, made from outside: a daemon, an engine. */
  readonly prepare?: (host: PrivateHost) => Promise<AsyncDisposable>;
  /** Called inside the host. */
  readonly open: () => Promise<Peer>;
}
