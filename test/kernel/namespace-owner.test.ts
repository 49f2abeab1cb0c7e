import assert from 'node:assert/strict';
import { Controller } from '../../src/controller/controller.ts';
import { nftBackend } from '../../src/firewall/nft-backend.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/open-kernel.ts';
import type { Op } from '../../src/kernel/op.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { rejects } from '../support/refusal.ts';
import { run } from '../support/run.ts';

/** The real kernel, with somebody else who is faster: `first` is done before the first operations that satisfy. */
function overtaken(kernel: Kernel, when: (op: Op) => boolean, first: () => Promise<unknown>): Kernel {
  let done = false;
  const apply: Kernel['apply'] = async (ops, signal) => {
    if (!done && ops.some(when)) {
      done = true;
      await first();
    }
    return kernel.apply(ops, signal);
  };
  return new Proxy(kernel, {
    get: (target, name): unknown => {
      const value: unknown = Reflect.get(target, name);
      if (name === 'apply') return apply;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

inPrivateNamespace(import.meta.filename, () => {
  describe("a namespace's name", () => {
    let kernel: Kernel;
    let store: MemoryStore;

    beforeEach(async () => {
      kernel = await openKernel();
      store = new MemoryStore('0badcafe');
    });

    afterEach(async () => {
      await run(['sh', '-c', 'for name in $(ls /run/netns); do ip netns del $name; done']);
      await store[Symbol.asyncDispose]();
      await kernel[Symbol.asyncDispose]();
    });

    const open = (faster: Kernel): Promise<Controller> => Controller.open({ kernel: faster, store, firewall: nftBackend(store.instanceId) });
    const identity = (): Promise<string | undefined> => kernel.namespaceIdentity('/run/netns/web');

    it('that somebody else takes between our look and our creation stays theirs', async () => {
      const faster = overtaken(kernel, ({ op }) => op === 'namespace-add', () => run(['ip', 'netns', 'add', 'web']));
      await using controller = await open(faster);
      await rejects(controller.createSandbox({ name: 'web' }), 'EXISTS', /'web'/);
      assert.notEqual(await identity(), undefined, 'their namespace is gone');
      assert.deepEqual(controller.sandboxes(), []);
      await run(['ip', 'netns', 'exec', 'web', 'true']);
    });

    it('that somebody else is about to take stays theirs: a file, not mounted yet', async () => {
      await run(['sh', '-c', 'mkdir -p /run/netns; touch /run/netns/web']);
      await using controller = await open(kernel);
      await rejects(controller.createSandbox({ name: 'web' }), 'EXISTS', /'web'/);
      assert.equal((await run(['stat', '-c', '%F', '/run/netns/web'])).stdout, 'regular empty file\n');
    });

    it('that somebody else has taken from us stays theirs when the sandbox is removed', async () => {
      await using controller = await open(kernel);
      await controller.createSandbox({ name: 'web' });
      await run(['sh', '-c', 'ip netns del web; ip netns add web']);
      const theirs = await identity();
      await controller.removeSandbox('web');
      assert.equal(await identity(), theirs);
    });

    it('is free again when a sysctl is refused', async () => {
      await using controller = await open(kernel);
      await rejects(controller.createSandbox({ name: 'web', sysctls: { 'net.ipv4.nope': '1' } }), 'KERNEL', /set sysctl net\/ipv4\/nope = 1 in \/run\/netns\/web: ENOENT/);
      await controller.createSandbox({ name: 'web', sysctls: { 'net.ipv4.ip_default_ttl': '99' } });
      assert.equal((await run(['ip', 'netns', 'exec', 'web', 'sysctl', '-n', 'net.ipv4.ip_default_ttl'])).stdout, '99\n');
    });
  });
});
