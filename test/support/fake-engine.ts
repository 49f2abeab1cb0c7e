import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Timer } from '../../plugins/docker/timer.ts';

/** One network that the engine has. */
export interface FakeNetwork {
  readonly Id: string;
  readonly Name: string;
  readonly Driver?: string;
  readonly IPAM?: object;
  readonly Containers?: Readonly<Record<string, object>>;
}

/** As much of an engine's API as the door asks for. */
export class FakeEngine implements AsyncDisposable {
  id = 'ENGINE-A';
  networks: FakeNetwork[] = [];
  /** What it says of a container, by id. */
  readonly containers: Map<string, object> = new Map();
  /** Paths that were asked for. */
  readonly asked: string[] = [];
  /** Called instead of the usual answer, by path. */
  readonly odd: Map<string, (response: ServerResponse) => void> = new Map();
  readonly #server: Server;
  /** Who reads its events. */
  readonly #readers = new Set<ServerResponse>();

  private constructor() {
    this.#server = createServer((request, response) => {
      const path = request.url ?? '';
      if (path.startsWith('/events')) return this.#stream(response);
      this.asked.push(path);
      const odd = this.odd.get(path);
      if (odd === undefined) this.#answer(path, response);
      else odd(response);
    });
  }

  /** @param path of its socket */
  static async listen(path: string): Promise<FakeEngine> {
    const engine = new FakeEngine();
    engine.#server.listen(path);
    await once(engine.#server, 'listening');
    return engine;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** Tells of something; resolves when somebody reads. */
  async tell(event: object): Promise<void> {
    while (this.#readers.size === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    for (const reader of this.#readers) reader.write(`${JSON.stringify(event)}\n`);
  }

  /** Ends the stream of events of all who read. */
  hush(): void {
    for (const reader of this.#readers) reader.end();
  }

  #stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    this.#readers.add(response);
    response.once('close', () => this.#readers.delete(response));
  }

  #container(path: string): object | undefined {
    return this.containers.get(/^\/containers\/(.+)\/json$/.exec(path)?.[1] ?? '');
  }

  #answer(path: string, response: ServerResponse): void {
    const all = [{ Id: 'f'.repeat(64), Name: 'none', Driver: 'null', IPAM: { Driver: 'default', Config: null } }, ...this.networks.map((network) => ({ Driver: 'tsbridge', ...network }))];
    const found = path === '/info' ? { ID: this.id } : path === '/networks' ? all.map((network) => ({ ...network, Containers: {} })) : (all.find(({ Id }) => path === `/networks/${Id}`) ?? this.#container(path));
    response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(found ?? { message: 'not found' }));
  }
}

/** Time that a test moves. */
export class TestTimer implements Timer {
  #now = 1_000_000;
  readonly #tasks = new Set<{ readonly at: number; readonly task: () => void }>();

  now(): number {
    return this.#now;
  }

  after(delay: number, task: () => void): Disposable {
    const entry = { at: this.#now + delay, task };
    this.#tasks.add(entry);
    return { [Symbol.dispose]: () => void this.#tasks.delete(entry) };
  }

  /** ms until each task that waits. */
  waiting(): number[] {
    return [...this.#tasks].map(({ at }) => at - this.#now).toSorted((a, b) => a - b);
  }

  /** Lets time pass; what is due runs. */
  pass(span: number): void {
    this.#now += span;
    for (const entry of [...this.#tasks].filter(({ at }) => at <= this.#now)) {
      this.#tasks.delete(entry);
      entry.task();
    }
  }
}
