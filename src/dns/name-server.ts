import { randomFillSync } from 'node:crypto';
import { Namespaces } from '../kernel/netns.ts';
import { HOST } from '../kernel/op.ts';
import type { NamespacePath } from '../kernel/op.ts';
import { Poller } from '../kernel/poller.ts';
import { Askers } from './askers.ts';
import { Directory } from './directory.ts';
import type { DnsPorts } from './dns-server.ts';
import { Forwarder } from './forwarder.ts';
import { GatewayAskers } from './gateway-askers.ts';
import { HostServers } from './host-servers.ts';
import { Listening, type Listeners } from './listening.ts';
import type { DirectoryChange } from './names.ts';
import { Responder } from './responder.ts';
import type { Server } from './server-set.ts';
import type { DnsCalls, DnsRequest, DnsThreadData } from './thread-protocol.ts';
import { UpstreamSockets } from './upstream-sockets.ts';

/** Where a sandbox's resolver looks, inside its namespace. */
const ADDRESS = '127.0.0.11';
const PORT = 53;
/** Those who ask by UDP, each with a batch, before everything else has a turn. */
const FRONT = 64;
/** Events of connections and servers in such a turn: together no more work than a batch or two. */
const BACK = 8;

/** Listeners of one asker, and where. */
interface Home {
  readonly identity: string;
  readonly listeners: Listeners;
}

/** Everything that the DNS thread does between two waits. */
export class NameServer implements Disposable {
  readonly #namespaces = new Namespaces();
  readonly #front = new Poller(FRONT);
  readonly #back = new Poller(BACK);
  readonly #directory = new Directory();
  readonly #askers = new Askers();
  readonly #forwarder: Forwarder;
  readonly #listening: Listening;
  readonly #homes = new Map<string, Home>();
  /** By network, then by address. */
  readonly #gateways = new Map<string, Map<string, Listeners>>();
  readonly #gatewayAskers = new Map<string, GatewayAskers>();
  readonly #now = (): number => performance.now();

  /**
   * @param wakeFd readable when there are requests
   * @param onDefect is told what the code has thrown
   */
  constructor({ limits, resolvConf }: DnsThreadData, wakeFd: number, onWake: () => void, onDefect: (error: unknown) => void) {
    const hostServers = new HostServers(resolvConf, this.#now);
    this.#forwarder = new Forwarder({
      sockets: new UpstreamSockets(this.#back, this.#namespaces),
      limits,
      now: this.#now,
      randomId,
      hostServers: () => hostServers.current,
      isOurselves: (server) => this.#isOurselves(server),
    });
    const responder = new Responder(this.#directory, this.#forwarder, onDefect);
    this.#listening = new Listening({ namespaces: this.#namespaces, front: this.#front, back: this.#back, responder, limits, now: this.#now });
    this.#front.add(this.#back.fd, { ready: () => this.#back.wait(0) });
    this.#front.add(wakeFd, { ready: onWake });
  }

  [Symbol.dispose](): void {
    this.#forwarder.close();
    for (const id of this.#homes.keys()) this.#unlisten(id);
    for (const network of this.#gateways.keys()) this.#unlistenOnGateway(network);
    for (const part of [this.#front, this.#back, this.#namespaces]) part[Symbol.dispose]();
  }

  /** Waits for queries, answers and requests, and deals with what has come. @param most ms */
  wait(most: number): void {
    const next = Math.min(this.#listening.next, this.#forwarder.next);
    this.#front.wait(Math.max(0, Math.ceil(Math.min(most, next - this.#now()))));
    this.#listening.keep();
    this.#forwarder.keep();
  }

  /** Does what a request asks for. @throws {NetworkError} as the call of `DnsServer` that it belongs to */
  carryOut(request: DnsRequest): DnsCalls[keyof DnsCalls]['result'] {
    switch (request.call) {
      case 'update':
        return this.#update(request.arguments);
      case 'listen':
        return this.#listen(request.arguments.asker, request.arguments.namespace);
      case 'unlisten':
        return this.#unlisten(request.arguments);
      case 'listenOnGateway':
        return this.#listenOnGateway(request.arguments.network, request.arguments.address);
      case 'unlistenOnGateway':
        return this.#unlistenOnGateway(request.arguments);
      case 'stats':
        return this.#askers.stats();
      case 'close':
        return undefined;
    }
  }

  #update(changes: readonly DirectoryChange[]): undefined {
    try {
      for (const change of changes) {
        this.#directory.apply(change);
        if (change.change === 'set-asker') this.#askers.set(change.asker);
        if (change.change === 'remove-asker') this.#askers.remove(change.id);
      }
    } finally {
      for (const askers of this.#gatewayAskers.values()) askers.forget();
    }
  }

  #listen(id: string, namespace: NamespacePath): DnsPorts {
    const known = this.#homes.get(id);
    const identity = this.#namespaces.identity(namespace);
    if (known !== undefined && known.identity === identity) return known.listeners.ports;
    // Looked up for each packet: an asker may be removed and come again while it listens.
    const listeners = this.#listening.open(namespace, ADDRESS, 0, () => this.#askers.get(id));
    this.#unlisten(id);
    this.#homes.set(id, { identity: identity ?? '', listeners });
    return listeners.ports;
  }

  #unlisten(id: string): undefined {
    this.#homes.get(id)?.listeners[Symbol.dispose]();
    this.#homes.delete(id);
  }

  #listenOnGateway(network: string, address: string): undefined {
    const known = this.#gateways.get(network) ?? new Map<string, Listeners>();
    if (known.has(address)) return;
    const askers = this.#gatewayAskers.get(network) ?? new GatewayAskers((source) => this.#askers.find(this.#directory.askerAt(network, source))?.atGateway, this.#askers.stranger);
    known.set(address, this.#listening.open(HOST, address, PORT, askers.of));
    this.#gateways.set(network, known);
    this.#gatewayAskers.set(network, askers);
  }

  #unlistenOnGateway(network: string): undefined {
    for (const listeners of this.#gateways.get(network)?.values() ?? []) listeners[Symbol.dispose]();
    this.#gateways.delete(network);
    this.#gatewayAskers.delete(network);
  }

  /** A question that came back to us would go round until somebody gives up. */
  #isOurselves({ namespace, address }: Server): boolean {
    if (namespace !== HOST && address === ADDRESS) return true;
    return [...this.#gateways.values()].some((listeners) => listeners.has(address));
  }
}

const random = new Uint16Array(256);
let drawn = random.length;

function randomId(): number {
  if (drawn === random.length) {
    randomFillSync(random);
    drawn = 0;
  }
  return random[drawn++] ?? 0;
}
