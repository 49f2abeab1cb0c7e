import assert from 'node:assert/strict';
import type { NetworkError } from '../../src/common/error.ts';
import { Controller } from '../../src/controller/controller.ts';
import type { ControllerParts } from '../../src/controller/load-context.ts';
import { nftBackend } from '../../src/firewall/nft-backend.ts';
import type { Op } from '../../src/kernel/op.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { RecordingKernel } from './recording-kernel.ts';
import { RecordingNames } from './recording-names.ts';

/** A controller on a kernel and a name server that take notes. */
export class NamesLab implements AsyncDisposable {
  readonly kernel: RecordingKernel = new RecordingKernel();
  readonly store: MemoryStore = new MemoryStore('0badcafe');
  /** Every name server that was started. */
  readonly servers: RecordingNames[] = [];
  readonly warnings: string[] = [];
  /** Said by the last server, as if its thread had ended. */
  crash: (error: NetworkError) => void = () => {};
  now = 1_000_000;
  #controller: Controller | undefined;

  get controller(): Controller {
    assert.ok(this.#controller);
    return this.#controller;
  }

  get names(): RecordingNames {
    const server = this.servers.at(-1);
    assert.ok(server, 'no name server was started');
    return server;
  }

  async open(): Promise<this> {
    await this.#controller?.[Symbol.asyncDispose]();
    const parts: ControllerParts = {
      kernel: this.kernel,
      store: this.store,
      firewall: nftBackend('0badcafe'),
      now: () => (this.now += 1),
      openNames: async (onCrash) => {
        this.crash = onCrash;
        const server = new RecordingNames();
        this.servers.push(server);
        return server;
      },
      onEvent: ({ type, action, name }) => {
        if (type === 'daemon' && action === 'warning') this.warnings.push(name);
      },
    };
    this.#controller = await Controller.open(parts);
    return this;
  }

  /** What a name leads to, asked as a sandbox. */
  ask(sandbox: string, name: string, type?: string): string[] | string {
    return this.names.ask(this.controller.sandbox(sandbox).id, name, type);
  }

  redirects(): (Op & { readonly op: 'redirect-set' | 'redirect-delete' })[] {
    return this.kernel.ops.filter((op) => op.op === 'redirect-set' || op.op === 'redirect-delete');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#controller?.[Symbol.asyncDispose]();
  }
}
