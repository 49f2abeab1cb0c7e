import type { ApiCall } from '../../src/api/calls.ts';
import { NetworkError, type ErrorCode } from '../../src/common/error.ts';
import type { GroundMachine } from './ground.ts';
import { Running } from './running.ts';

interface Said {
  readonly id: number;
  readonly answer?: unknown;
  readonly refusal?: { readonly code: ErrorCode; readonly message: string };
}

/** Requests of the daemon of one machine, by one process there: one a request would cost more than what is measured. */
export class ApiDoor implements AsyncDisposable {
  readonly #running: Running;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #count = 0;

  private constructor(running: Running) {
    this.#running = running;
    running.lines().on('line', (line) => this.#hear(JSON.parse(line) as Said));
    void running.ended.then(() => this.#giveUp());
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
    return waiting.promise as Promise<Answer>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
  }

  #giveUp(): void {
    for (const { reject } of this.#waiting.values()) reject(new NetworkError('UNAVAILABLE', `the machine does not answer any more: ${this.#running.output.slice(-500)}`));
  }

  #hear({ id, answer, refusal }: Said): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (refusal === undefined) waiting?.resolve(answer);
    else waiting?.reject(new NetworkError(refusal.code, refusal.message));
  }
}
