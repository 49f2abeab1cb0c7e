import { NetworkError } from '../common/error.ts';
import type { Kernel, OpenSocket, SocketRequest } from '../kernel/kernel.ts';
import { HeldPorts, type HeldPort, type PortOwner } from './held-ports.ts';
import { openProxy, type ProxyTarget } from './proxy.ts';
import { hostAddressOf, socketGroups, type HostBinding, type SocketGroup } from './socket-groups.ts';
import type { PortBinding } from './spec.ts';

/** A port of the host that is ours now. */
export interface ReservedPort {
  readonly protocol: PortBinding['protocol'];
  readonly containerPort: number;
  /** Absent: every address of the host, both families. */
  readonly hostAddress?: string;
  /** 0 where it has no port of the host: it is open at the endpoint's own address, or nowhere. */
  readonly hostPort: number;
}

/**
 * Keeps the host ports that are published, by really binding them: nobody else can take one, and a
 * taken one is found at once. What NAT cannot deliver (`::1`, an IPv6 host address to an IPv4-only
 * endpoint) is carried by a proxy on the same socket.
 */
export class HostPorts implements Disposable {
  readonly #kernel: Kernel;
  readonly #rehearsed: HostPorts | undefined;
  readonly #held = new HeldPorts();

  /** @param rehearsed whose ports count as free, because this one stands in for it; nothing is carried then */
  constructor(kernel: Kernel, rehearsed?: HostPorts) {
    this.#kernel = kernel;
    this.#rehearsed = rehearsed;
  }

  /**
   * Takes all of the bindings or none, in one call. What the owner holds of them already stays as it is.
   * @param owner id by which they are given back ({@link release}), and name for messages
   * @param target where the proxy leads
   * @param options.keep what the owner holds besides stays; else it is given back
   * @returns the bindings with the ports that were chosen, in order
   * @throws {NetworkError} IN_USE naming the busy port and who has it, EXHAUSTED where none of several is free, UNSUPPORTED (sctp)
   */
  async reserve(owner: PortOwner, bindings: readonly HostBinding[], target: ProxyTarget, options: { readonly keep?: boolean } = {}): Promise<ReservedPort[]> {
    const groups = socketGroups(bindings);
    const held = new Map(groups.map((group) => [group, this.#find(owner, group)]));
    const missing = groups.filter((group) => held.get(group) === undefined);
    const staying = new Set([...held.values(), ...(options.keep === true ? this.#held.of(owner.id) : [])]);
    // Where a port is to be at other addresses, or to lead elsewhere, nobody has it for a moment.
    for (const former of new Set(missing.flatMap((group) => this.#inTheWay(owner, group, staying)))) this.#held.drop(former);
    const opened = await this.#open(missing);
    for (const [at, group] of missing.entries()) {
      for (const [nth, socket] of (opened[at] ?? []).entries()) {
        const fresh = this.#hold(owner, group, nth, socket, target);
        staying.add(fresh);
        held.set(group, fresh);
      }
    }
    for (const former of this.#held.of(owner.id)) if (!staying.has(former)) this.#held.drop(former);
    const numbers = new Map(groups.flatMap((group) => group.members.map((member) => [member, held.get(group)?.port] as const)));
    return bindings.map(({ protocol, containerPort, hostAddress }, index) => ({
      protocol,
      containerPort,
      ...(hostAddress === undefined ? {} : { hostAddress }),
      hostPort: numbers.get(index) ?? 0,
    }));
  }

  /** Gives an owner's ports back. */
  release(owner: string): void {
    for (const held of this.#held.of(owner)) this.#held.drop(held);
  }

  [Symbol.dispose](): void {
    for (const owner of this.#held.owners()) this.release(owner);
  }

  /** What the owner holds already of a group that names its number: it has one place. */
  #find(owner: PortOwner, group: SocketGroup): HeldPort | undefined {
    const alike = (held: HeldPort): boolean => held.containerPort === group.containerPort && group.places.some((place) => hostAddressOf(place) === held.hostAddress);
    return this.#held.overlapping(group).find((held) => held.owner.id === owner.id && alike(held));
  }

  /** What the owner has to give back for it. @throws {NetworkError} IN_USE where that is not its own, or is to stay */
  #inTheWay(owner: PortOwner, request: SocketRequest, staying: ReadonlySet<HeldPort | undefined>): HeldPort[] {
    const found = this.#held.overlapping(request);
    const other = found.find((held) => held.owner.id !== owner.id || staying.has(held));
    if (other === undefined) return found;
    throw new NetworkError('IN_USE', `host port ${request.port}/${request.protocol} is published by '${other.owner.name}' already: choose another, or remove it there`);
  }

  async #open(groups: readonly SocketGroup[]): Promise<readonly (readonly OpenSocket[])[]> {
    const real = groups.filter((group) => !this.#isImagined(group));
    const opened = (await this.#kernel.openSockets(real)).values();
    return groups.map((group) => (this.#isImagined(group) ? group.places.map(({ address }) => imaginedSocket(address, group.port)) : (opened.next().value ?? [])));
  }

  #isImagined(request: SocketRequest): boolean {
    return this.#rehearsed !== undefined && this.#rehearsed.#held.overlapping(request).length > 0;
  }

  #hold(owner: PortOwner, { protocol, places, containerPort }: SocketGroup, nth: number, socket: OpenSocket, target: ProxyTarget): HeldPort {
    const place = places[nth];
    // On a host without IPv6 a socket for both families is one of IPv4, which NAT delivers.
    const carries = this.#rehearsed === undefined && place?.listen === true && socket.address === place.address;
    const proxy = carries ? openProxy(protocol === 'udp' ? 'udp' : 'tcp', socket, target, containerPort) : undefined;
    const held: HeldPort = {
      owner,
      protocol,
      hostAddress: place === undefined ? socket.address : hostAddressOf(place),
      port: socket.port,
      containerPort,
      [Symbol.dispose]: () => {
        proxy?.[Symbol.dispose]();
        socket[Symbol.dispose]();
      },
    };
    this.#held.add(held);
    return held;
  }
}

function imaginedSocket(address: string, port: number): OpenSocket {
  return { address, port, detach: () => -1, [Symbol.dispose]: () => {} };
}
