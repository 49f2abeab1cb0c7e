/** What the benchmark asks of a peer's process inside a host, a JSON line each. */
export type PeerRequest =
  /** So many endpoints are to be there from now on, each with one published port. */
  | { readonly do: 'populate'; readonly to: number }
  /** Attach and detach so many times. */
  | { readonly do: 'sample'; readonly times: number }
  /** Attach one endpoint with so many published ports, and leave it; `detach` takes it off again. */
  | { readonly do: 'publish'; readonly ports: number }
  | { readonly do: 'detach' };

/** Times of one request, ms. */
export interface Times {
  readonly attach: readonly number[];
  readonly detach: readonly number[];
}

/** The answer to a request. */
export type PeerReply = { readonly times: Times } | { readonly error: string };

/** Where the ports of what is measured begin; those of what is only there begin at {@link CROWD_PORT}. */
export const FIRST_PORT = 20_000;
/** One port each. */
export const CROWD_PORT = 40_000;

/** Name and namespace of the endpoint that `publish` attaches. */
export const PUBLISHER = 'publisher';
