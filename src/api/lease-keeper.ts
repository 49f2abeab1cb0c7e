import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import { isAlive } from '../controller/is-alive.ts';
import type { SandboxRequest } from '../controller/requests.ts';
import type { SandboxView } from '../controller/views.ts';
import type { ApiController } from './api-controller.ts';
import type { StreamCall } from './route.ts';

/**
 * Sandboxes that live as long as a process. Its open request is the lease: the kernel closes it
 * however the process ends, and that is when the sandbox goes. After a restart of the daemon the
 * process asks again; one that has ended meanwhile is found by {@link LeaseKeeper.sweep}.
 */
export class LeaseKeeper {
  readonly #controller: ApiController;
  readonly #report: (message: string) => void;
  /** Open requests by sandbox id. */
  readonly #holders = new Map<string, number>();
  #stopping = false;

  constructor(controller: ApiController, report: (message: string) => void) {
    this.#controller = controller;
    this.#report = report;
  }

  /** `POST /leases`: makes the sandbox and keeps it while the request stays open. @throws what {@link ApiController.createSandbox} throws */
  async grant(call: StreamCall, request: SandboxRequest): Promise<void> {
    this.#hold(call, await this.#controller.createSandbox(request, call.signal));
  }

  /** `GET /leases/NAME`: takes up a lease again. @throws {NetworkError} NOT_FOUND, FORBIDDEN for a sandbox without one */
  renew(call: StreamCall, reference: string): void {
    const sandbox = this.#controller.sandbox(reference);
    if (sandbox.lease === undefined) throw new NetworkError('FORBIDDEN', `sandbox ${quote(sandbox.name)} lives on its own: only one that 'netctl run' made has a lease`);
    this.#hold(call, sandbox);
  }

  /** Removes the sandboxes whose request is not open and whose process has ended. */
  async sweep(): Promise<void> {
    for (const { id, lease } of this.#controller.sandboxes()) {
      if (lease !== undefined && !this.#holders.has(id) && !(await isAlive(lease))) await this.#end(id);
    }
  }

  /** From now on closed requests are our own doing, and mean nothing. */
  stop(): void {
    this.#stopping = true;
  }

  #hold({ response, signal }: StreamCall, sandbox: SandboxView): void {
    const { id } = sandbox;
    this.#holders.set(id, (this.#holders.get(id) ?? 0) + 1);
    const letGo = (): void => {
      const left = (this.#holders.get(id) ?? 1) - 1;
      if (left > 0) this.#holders.set(id, left);
      else this.#holders.delete(id);
      if (left === 0 && !this.#stopping) void this.#end(id);
    };
    // It may have gone while the sandbox was being made.
    if (signal.aborted) return letGo();
    signal.addEventListener('abort', letGo, { once: true });
    // Lines of a trace may have gone before.
    if (!response.headersSent) response.setHeader('Content-Type', 'application/x-ndjson');
    response.write(`${JSON.stringify(sandbox)}\n`);
  }

  async #end(id: string): Promise<void> {
    try {
      await this.#controller.endLease(id);
    } catch (thrown) {
      const error = NetworkError.from(thrown);
      // Somebody removed it by name.
      if (error.code !== 'NOT_FOUND') this.#report(`sandbox ${id.slice(0, 12)} not removed at the end of its lease: ${error.message}`);
    }
  }
}
