import type { ApiCall } from '../../src/api/calls.ts';
import { NetworkError, type ErrorCode } from '../../src/common/error.ts';
import type { GroundMachine } from './ground.ts';
import { patient } from './patience.ts';
import { Running } from './running.ts';

interface Said {
  readonly id: number;
  readonly answer?: unknown;
  readonly refusal?: { readonly code: ErrorCode; readonly message: string };
}

/** ms: more than any request needs on a machine that is busy. */
const LIMIT = 120_000;

/** Requests of the daemon of one machine, by one process there: one a request would cost more than what is measured. */
export class ApiDoor implements AsyncDisposable {
  readonly #running: Running;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #count = 0;

  private constructor(running: Running) {
    this.#running = running;
    running.lines().on('line', (line) => this.#hear(JSON.parse(line) as Said));
    void running.ended.then(() => this.#giveAllUp());
  }

  static async open(machine: GroundMachine): Promise<ApiDoor> {
    const { project, programs } = machine;
    return new ApiDoor(await Running.start(machine, [programs.node, '--disable-warning=ExperimentalWarning', `${project}/scripts/lab/inside/api.ts`]));
  }

  /** @throws {NetworkError} what the daemon says */
  send<Answer>(call: ApiCall<Answer>): Promise<Answer> {
    const waiting = Promise.withResolvers<unknown>();
    const id = (this.#count += 1);
    this.#waiting.set(id, waiting);
    this.#running.write(JSON.stringify({ id, call }));
    const timer = setTimeout(() => this.#giveUp(id, call), patient(LIMIT));
    return (waiting.promise as Promise<Answer>).finally(() => clearTimeout(timer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
  }

  #giveUp(id: number, { method, path }: ApiCall<unknown>): void {
    this.#waiting.get(id)?.reject(new NetworkError('UNAVAILABLE', `the daemon has not answered ${method} ${path} within ${String(patient(LIMIT) / 1000)} s`));
    this.#waiting.delete(id);
  }

  #giveAllUp(): void {
    for (const { reject } of this.#waiting.values()) reject(new NetworkError('UNAVAILABLE', `the machine does not answer any more: ${this.#running.output.slice(-500)}`));
  }

  #hear({ id, answer, refusal }: Said): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (refusal === undefined) waiting?.resolve(answer);
    else waiting?.reject(new NetworkError(refusal.code, refusal.message));
  }
}
