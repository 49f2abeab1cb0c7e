import { familyOf } from '../common/address.ts';
import { NetworkError } from '../common/error.ts';
import type { Kernel, OpenSocket } from '../kernel/kernel.ts';
import { openProxy, type ProxyTarget } from './proxy.ts';
import { formatPortBinding, type PortBinding } from './spec.ts';

/** A port of the host that is ours now. */
export interface ReservedPort {
  readonly protocol: PortBinding['protocol'];
  readonly containerPort: number;
  /** Absent: every address of the host, both families. */
  readonly hostAddress?: string;
  readonly hostPort: number;
}

/** Who holds ports. */
export interface PortOwner {
  readonly id: string;
  readonly name: string;
}

/**
 * Keeps the host ports that are published, by really binding them: nobody else can take one, and a
 * taken one is found at once. What NAT cannot deliver (`::1`, an IPv6 host address to an IPv4-only
 * endpoint) is carried by a proxy on the same socket.
 */
export class HostPorts implements Disposable {
  readonly #kernel: Kernel;
  readonly #held = new Map<string, DisposableStack>();
  /** Who has a port, by `protocol/number`, for messages. */
  readonly #names = new Map<string, string>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /**
   * Takes all of the bindings or none.
   * @param owner id by which they are given back ({@link release}), and name for messages; what it held before is given back first
   * @param target where the proxy leads
   * @param options.keep what the owner holds already stays
   * @returns the bindings with the ports that were chosen, in order
   * @throws {NetworkError} IN_USE naming the busy port, EXHAUSTED for a range without a free one, UNSUPPORTED (sctp)
   */
  async reserve(owner: PortOwner, bindings: readonly PortBinding[], target: ProxyTarget, options: { readonly keep?: boolean } = {}): Promise<ReservedPort[]> {
    if (options.keep !== true) this.release(owner.id);
    const stack = new DisposableStack();
    try {
      const reserved: ReservedPort[] = [];
      // Exact ports first, so that no random one takes the place of a named one.
      const order = bindings.map((binding, index) => ({ binding, index })).toSorted((a, b) => freedom(a.binding) - freedom(b.binding));
      for (const { binding, index } of order) reserved[index] = await this.#take(owner.name, binding, target, stack);
      const held = this.#held.get(owner.id);
      if (held === undefined) this.#held.set(owner.id, stack);
      else held.use(stack);
      return reserved;
    } catch (error) {
      stack.dispose();
      throw error;
    }
  }

  /** Gives an owner's ports back. */
  release(owner: string): void {
    this.#held.get(owner)?.dispose();
    this.#held.delete(owner);
  }

  [Symbol.dispose](): void {
    for (const owner of this.#held.keys()) this.release(owner);
  }

  async #take(name: string, binding: PortBinding, target: ProxyTarget, stack: DisposableStack): Promise<ReservedPort> {
    const { protocol, containerPort, hostAddress } = binding;
    const listen = needsProxy(binding);
    const socket = stack.use(await this.#open(binding, listen));
    if (listen) stack.use(openProxy(protocol === 'udp' ? 'udp' : 'tcp', socket, target, containerPort));
    const key = `${protocol}/${socket.port}`;
    this.#names.set(key, name);
    stack.defer(() => void this.#names.delete(key));
    return { protocol, containerPort, hostPort: socket.port, ...(hostAddress === undefined ? {} : { hostAddress }) };
  }

  async #open(binding: PortBinding, listen: boolean): Promise<OpenSocket> {
    const first = binding.hostPort ?? 0;
    const last = binding.hostPortEnd ?? first;
    for (let port = first; port <= last; port += 1) {
      try {
        return await this.#bind(binding, port, listen);
      } catch (error) {
        if (!(error instanceof NetworkError) || error.code !== 'IN_USE') throw error;
        if (first === last) throw this.#named(binding, port, error);
      }
    }
    throw new NetworkError('EXHAUSTED', `cannot publish ${formatPortBinding(binding)}: every host port from ${first} to ${last} is taken`);
  }

  #named(binding: PortBinding, port: number, error: NetworkError): NetworkError {
    const name = this.#names.get(`${binding.protocol}/${port}`);
    if (name === undefined) return error;
    return new NetworkError('IN_USE', `host port ${port}/${binding.protocol} is published by '${name}' already: choose another, or remove it there`, { cause: error });
  }

  async #bind(binding: PortBinding, port: number, listen: boolean): Promise<OpenSocket> {
    const { protocol, hostAddress } = binding;
    if (hostAddress !== undefined) return this.#kernel.openSocket({ protocol, address: hostAddress, port, dualStack: false, listen });
    try {
      return await this.#kernel.openSocket({ protocol, address: '::', port, dualStack: true, listen });
    } catch (error) {
      // A host without IPv6 has no `::`; sctp was refused for its own sake.
      if (!(error instanceof NetworkError) || error.code !== 'UNSUPPORTED' || protocol === 'sctp') throw error;
      return this.#kernel.openSocket({ protocol, address: '0.0.0.0', port, dualStack: false, listen: false });
    }
  }
}

function freedom(binding: PortBinding): number {
  return binding.hostPort === undefined ? 2 : binding.hostPortEnd === undefined ? 0 : 1;
}

/** Every IPv6 address: where NAT delivers, nothing reaches the proxy. */
function needsProxy({ protocol, hostAddress }: PortBinding): boolean {
  return protocol !== 'sctp' && (hostAddress === undefined || familyOf(hostAddress) === 6);
}
