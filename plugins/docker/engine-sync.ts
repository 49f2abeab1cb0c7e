import { NetworkError } from '../../src/common/error.ts';
import type { Controller } from '../../src/controller/controller.ts';
import { containerKnowledge } from './container-knowledge.ts';
import { engineClient, type EngineClient, type InspectedNetwork, type ListedContainer } from './engine-client.ts';
import { compareWithEngine, isRemoteIpam, type Comparison, type EngineView } from './engine-comparison.ts';
import { EngineEvents, type EngineNews } from './engine-events.ts';
import type { Recent } from './recent.ts';
import type { Timer } from './timer.ts';

/** A network is asked for by name this long after it was made, ms: the engine lists it when its own work is done, which takes it less. */
const SOON = 250;

/** What the comparison with an engine stands on. */
export interface EngineSyncParts {
  readonly controller: Controller;
  /** Path of the engine's socket. */
  readonly socket: string;
  readonly recent: Recent;
  readonly timer: Timer;
  /** ms between comparisons. */
  readonly period: number;
  /** Called with what was removed, a sentence each. */
  readonly log: (message: string) => void;
  /** Called with what could not be done, once. */
  readonly report: (error: NetworkError) => void;
}

/**
 * Keeps what we hold for the engine equal to what the engine has. It replays nothing when it
 * starts, and what it removes while we are down it removes without us; so it is asked, never from
 * within one of its own calls, at start, now and then, and when it has made something. Names of
 * containers come earlier, with its events.
 */
export class EngineSync implements AsyncDisposable {
  readonly #parts: EngineSyncParts;
  readonly #closing = new AbortController();
  readonly #events: EngineEvents;
  #next: { readonly at: number; readonly timeout: Disposable } | undefined;
  #running: Promise<string[]> | undefined;
  /** ms to wait after a comparison in vain, twice as long each time: an engine that starts or is slow is there in seconds, one that there is not never. */
  #patience = SOON;
  #reported = '';

  constructor(parts: EngineSyncParts) {
    this.#parts = parts;
    this.#events = new EngineEvents(parts.socket, this.#closing.signal, (news) => void this.#heed(news));
    this.#schedule(0);
  }

  /** Compares soon if there is a container that somebody may look for by its name, and that nothing is known of. */
  onConnect(): void {
    if (this.#isUnknown(() => true)) this.soon();
  }

  /** Compares soon: the engine has just started, or made something that it does not list yet. */
  soon(): void {
    this.#patience = SOON;
    this.#schedule(SOON);
  }

  /**
   * Compares now. Nothing is removed unless the engine answered completely.
   * @returns what was done, a sentence each
   * @throws {NetworkError} UNAVAILABLE when the engine cannot be asked
   */
  run(): Promise<string[]> {
    this.#running ??= this.#compare().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#next?.timeout[Symbol.dispose]();
    await this.#running?.catch(() => {});
  }

  #schedule(delay: number): void {
    const { timer } = this.#parts;
    if (this.#closing.signal.aborted || (this.#next !== undefined && this.#next.at <= timer.now() + delay)) return;
    this.#next?.timeout[Symbol.dispose]();
    const task = (): void => {
      this.#next = undefined;
      void this.#round();
    };
    this.#next = { at: timer.now() + delay, timeout: timer.after(delay, task) };
  }

  /** Compares, and says when next. An engine that does not run is nothing to report. */
  async #round(): Promise<void> {
    const { period, report } = this.#parts;
    // Before the comparison: what happens between the two is in both.
    this.#events.follow();
    try {
      await this.run();
      this.#reported = '';
      if (this.#isUnheard()) return this.#scheduleAgain();
      this.#patience = SOON;
      this.#schedule(period);
    } catch (thrown) {
      const error = NetworkError.from(thrown);
      if (error.code !== 'UNAVAILABLE' && error.code !== 'NOT_FOUND' && error.message !== this.#reported) {
        this.#reported = error.message;
        report(error);
      }
      this.#scheduleAgain();
    }
  }

  /** Whether there is a network or container that the engine has just made and does not list yet. */
  #isUnheard(): boolean {
    const { controller, recent } = this.#parts;
    return controller.engine.networks().some(({ id, engine }) => engine === undefined && recent.has(id)) || this.#isUnknown((id) => recent.has(id));
  }

  #isUnknown(counts: (endpointId: string) => boolean): boolean {
    const { engine } = this.#parts.controller;
    return engine.searched().some((network) => engine.endpoints(network.id).some(({ id, container }) => container === undefined && counts(id)));
  }

  #scheduleAgain(): void {
    this.#schedule(Math.min(this.#patience, this.#parts.period));
    this.#patience *= 2;
  }

  async #compare(): Promise<string[]> {
    const { controller, recent, log, socket } = this.#parts;
    const { engine } = controller;
    const client = engineClient(socket, this.#closing.signal);
    const view = await this.#view(client);
    const networks = engine.networks();
    const searched = new Set(engine.searched().map(({ id }) => id));
    const held = { networks, endpoints: networks.flatMap(({ id }) => engine.endpoints(id)), pools: engine.pools(), searched };
    const comparison = compareWithEngine(view, held, (id) => recent.has(id));
    const done = await carryOut(controller, view.id, comparison);
    for (const container of comparison.learnContainers) await this.#learn(client, container);
    recent.prune();
    for (const sentence of done) log(sentence);
    return done;
  }

  async #learn(client: EngineClient, { id, endpointId }: ListedContainer): Promise<void> {
    try {
      await this.#parts.controller.engine.learnContainer(endpointId, containerKnowledge(id, endpointId, await client.container(id)));
    } catch (error) {
      // It went meanwhile, or is no container: a swarm's load balancer is listed among them.
      if (NetworkError.from(error).code !== 'NOT_FOUND') throw error;
    }
  }

  /** Learns whose endpoints they are, where somebody may look for them. What goes wrong shows in the next comparison. */
  async #heed({ container: id, network }: EngineNews): Promise<void> {
    const { controller, socket } = this.#parts;
    const { engine } = controller;
    const searched = new Set(engine.searched().map((one) => one.id));
    const isAwaited = network === undefined ? [...searched].some((one) => engine.endpoints(one).some(({ container }) => container?.id === id)) : searched.has(network);
    if (!isAwaited) return;
    try {
      const inspected = await engineClient(socket, this.#closing.signal).container(id);
      for (const endpointId of inspected.aliases.keys()) {
        const { networkId = '', engineNetwork = networkId } = engine.endpoint(endpointId) ?? {};
        if (searched.has(engineNetwork)) await engine.learnContainer(endpointId, containerKnowledge(id, endpointId, inspected));
      }
    } catch {}
  }

  async #view(client: EngineClient): Promise<EngineView> {
    const { controller } = this.#parts;
    const id = await client.id();
    const networks = await client.networks();
    const subnets = new Set(controller.engine.pools().map((pool) => pool.subnet));
    const inspected = new Map<string, InspectedNetwork>();
    for (const network of networks) {
      const hasOurAddresses = isRemoteIpam(network.ipamDriver) && network.subnets.some((subnet) => subnets.has(subnet));
      if (!hasOurAddresses && controller.engine.network(network.id) === undefined) continue;
      inspected.set(network.id, await client.network(network.id));
    }
    return { id, networks, inspected };
  }
}

async function carryOut({ engine }: Controller, engineId: string, comparison: Comparison): Promise<string[]> {
  const done: string[] = [];
  const failed: NetworkError[] = [];
  const attempt = async (sentence: string, task: () => Promise<unknown>): Promise<void> => {
    try {
      if ((await task()) !== false) done.push(sentence);
    } catch (error) {
      failed.push(NetworkError.from(error));
    }
  };
  for (const { id, name } of comparison.learnNetworks) await engine.learnNetwork(id, { name, engine: engineId });
  for (const id of comparison.learnPools) await engine.learnPool(id, engineId);
  for (const { id } of comparison.lostEndpoints) {
    await attempt(`endpoint ${id.slice(0, 12)} removed: the engine has forgotten it`, () => engine.dropEndpoint(id));
  }
  for (const { id, name } of comparison.lostNetworks) {
    await attempt(`network '${name}' removed: the engine has forgotten it`, () => engine.deleteNetwork(id));
  }
  for (const { poolId, address } of comparison.lostAddresses) {
    await attempt(`address ${address} freed: no endpoint of the engine has it`, () => engine.releaseAddress(poolId, address));
  }
  for (const { id } of comparison.lostPools) {
    await attempt(`pool ${id} freed: no network of the engine uses it`, () => engine.releasePool(id));
  }
  const [first] = failed;
  if (first !== undefined) throw first;
  return done;
}
