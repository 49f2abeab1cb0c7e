import type { Exchange } from '../../drivers/remote/exchange.ts';
import type { ControllerEvent } from '../../src/controller/events.ts';
import type { NameCounts } from '../../src/controller/name-views.ts';
import type { SandboxRequest } from '../../src/controller/requests.ts';
import type { SandboxView } from '../../src/controller/views.ts';

/** A controller that writes down what it is asked, and can be told to refuse. */
export class FakeController {
  readonly instance = 'abcd1234';
  readonly calls: unknown[][] = [];
  readonly listeners: Set<(event: ControllerEvent) => void> = new Set();
  readonly hearers: Set<(exchange: Exchange) => void> = new Set();
  refusal: Error | undefined;
  kept: SandboxView[] = [];
  counts: NameCounts[] = [];
  readonly #removed = Promise.withResolvers<string>();
  readonly removed: Promise<string> = this.#removed.promise;

  #note<T>(answer: T, ...call: unknown[]): T {
    this.calls.push(call);
    if (this.refusal !== undefined) throw this.refusal;
    return answer;
  }

  /** Tells those who trace of a call of a plugin. */
  say(method: string): Exchange {
    const exchange = { plugin: 'weave', place: '/run/weave.sock', method, request: {}, answer: {}, status: 200, ms: 1 };
    for (const hear of this.hearers) hear(exchange);
    return exchange;
  }

  networks = (): [] => this.#note([], 'networks');
  network = (name: string): object => this.#note({ name }, 'network', name);
  createNetwork = async (body: object): Promise<object> => this.#note({ id: 'f00' }, 'createNetwork', body);
  removeNetwork = async (name: string, options: object): Promise<void> => this.#note(undefined, 'removeNetwork', name, options);
  pruneNetworks = async (): Promise<string[]> => this.#note(['idle'], 'pruneNetworks');
  sandboxes = (): SandboxView[] => this.#note(this.kept, 'sandboxes');
  sandbox = (name: string): object => this.#note(this.kept.find((sandbox) => sandbox.id === name) ?? { id: 's1', name }, 'sandbox', name);
  createSandbox = async (request: SandboxRequest): Promise<object> => this.#note({ ...request, id: 's1' }, 'createSandbox', request);
  adoptSandbox = async (request: object): Promise<object> => this.#note({ id: 's1' }, 'adoptSandbox', request);
  removeSandbox = async (name: string): Promise<void> => {
    this.#removed.resolve(name);
    return this.#note(undefined, 'removeSandbox', name);
  };
  endLease = async (name: string): Promise<void> => {
    this.#removed.resolve(name);
    return this.#note(undefined, 'endLease', name);
  };
  connect = async (sandbox: string, request: object): Promise<object> => this.#note({ id: 'e1' }, 'connect', sandbox, request);
  disconnect = async (sandbox: string, network: string): Promise<void> => this.#note(undefined, 'disconnect', sandbox, network);
  cables = (sandbox?: string): [] => this.#note([], 'cables', sandbox);
  cable = (name: string): object => this.#note({ name }, 'cable', name);
  createCable = async (body: object): Promise<object> => this.#note({ id: 'l1' }, 'createCable', body);
  removeCable = async (name: string): Promise<void> => this.#note(undefined, 'removeCable', name);
  ports = (): [] => this.#note([], 'ports');
  names = (network?: string): [] => this.#note([], 'names', network);
  queryName = async (query: object): Promise<object> => this.#note({ rcode: 'NOERROR' }, 'queryName', query);
  nameCounts = async (): Promise<NameCounts[]> => this.#note(this.counts, 'nameCounts');
  reconcile = async (): Promise<string[]> => this.#note(['link made again'], 'reconcile');
  exchanges = (listener: (exchange: Exchange) => void): Disposable => {
    this.hearers.add(listener);
    return { [Symbol.dispose]: () => void this.hearers.delete(listener) };
  };
  subscribe = (listener: (event: ControllerEvent) => void): Disposable => {
    this.listeners.add(listener);
    return { [Symbol.dispose]: () => void this.listeners.delete(listener) };
  };
}
