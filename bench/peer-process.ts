import { createInterface } from 'node:readline';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { PrivateHost } from '../test/support/host.ts';
import type { PeerReply, PeerRequest, Times } from './inside/protocol.ts';
import type { PeerKind } from './peers/peer.ts';

const AGENT = fileURLToPath(new URL('inside/agent.ts', import.meta.url));

/** A peer in a private host of its own, and its end of the conversation. */
export class PeerProcess implements AsyncDisposable {
  readonly kind: PeerKind;
  readonly host: PrivateHost;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  readonly #owned: AsyncDisposableStack;
  #words = '';

  private constructor(kind: PeerKind, host: PrivateHost, owned: AsyncDisposableStack) {
    this.kind = kind;
    this.host = host;
    this.#owned = owned;
    const [file = '', ...args] = [...host.enter, process.execPath, '--disable-warning=ExperimentalWarning', AGENT, kind.name];
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    this.#child.stdin.on('error', () => {}); // told by the end of its output
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#words += text));
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** @throws Error with the words of what is missing or did not come up */
  static async start(kind: PeerKind): Promise<PeerProcess> {
    await using stack = new AsyncDisposableStack();
    const host = stack.use(await PrivateHost.start());
    if (kind.program !== undefined && (await host.exec(['test', '-x', kind.program], { allowFail: true })).code !== 0) {
      throw new Error(`${kind.program} is missing (Debian: ${kind.packages.join(' ')})`);
    }
    if (kind.prepare !== undefined) stack.use(await kind.prepare(host));
    const started = new PeerProcess(kind, host, stack.move());
    try {
      await started.#line();
    } catch (error) {
      await started[Symbol.asyncDispose]();
      throw error;
    }
    return started;
  }

  /** Asks one thing and gives the times that it took. @throws Error with the peer's words */
  async ask(request: PeerRequest): Promise<Times> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const reply = JSON.parse(await this.#line()) as PeerReply;
    if ('error' in reply) throw new Error(reply.error);
    return reply.times;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }

  async #line(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done === true) throw new Error(`ended before it answered: ${this.#words.trim()}`);
    return next.value;
  }
}
