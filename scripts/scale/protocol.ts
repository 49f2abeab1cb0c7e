/** What is said with a crowd of simulated hosts, a JSON line each. */

/** What a crowd is made of. */
export interface CrowdPlan {
  /** `etcd://HOST:PORT` */
  readonly cluster: string;
  /** Numbers of its hosts: from the first up. */
  readonly first: number;
  readonly hosts: number;
  readonly endpointsEach: number;
}

/** What a crowd is asked to do. */
export type CrowdRequest =
  /** Every host takes its place. */
  | { readonly do: 'join' }
  /** Every host takes its blocks, and then tells of its endpoints. */
  | { readonly do: 'load' }
  /** Every host watches the store. */
  | { readonly do: 'watch' }
  /** Endpoints come and go, so many a second. */
  | { readonly do: 'churn'; readonly rate: number; readonly seconds: number }
  /** One more endpoint. */
  | { readonly do: 'add' }
  /** How it stands. */
  | { readonly do: 'state' };

/** An endpoint that was made: when its host began to tell of it, ns of the machine's clock, and how long it took until the process heard of it from etcd, ms. */
export interface Written {
  readonly mac: string;
  readonly at: string;
  readonly ms: number;
}

/** What it says. */
export interface CrowdReply {
  /** ms that it took. */
  readonly ms: number;
  readonly written?: readonly Written[];
  /** How many endpoints it has. */
  readonly endpoints: number;
  /** The lowest of the revisions to which its watches have come. */
  readonly revision: number;
  /** How many times a host lost its place. */
  readonly lost: number;
  readonly error?: string;
}
