import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { KernelEvent } from '../../src/kernel/kernel.ts';
import { NetlinkKernel } from '../../src/kernel/netlink-kernel.ts';
import { openKernel } from '../../src/kernel/open-kernel.ts';
import { HOST } from '../../src/kernel/op.ts';
import type { Op } from '../../src/kernel/op.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { rejects } from '../support/refusal.ts';
import { run } from '../support/run.ts';

const CRASHING = new URL('../support/crashing-worker.ts', import.meta.url);
const OPEN_KERNEL = fileURLToPath(new URL('../../src/kernel/open-kernel.ts', import.meta.url));

/** Runs a program that opens a kernel, and gives what it printed. */
async function program(script: string, before: readonly string[] = []): Promise<string> {
  const text = `import { openKernel } from ${JSON.stringify(OPEN_KERNEL)};\nconst kernel = await openKernel();\n${script}`;
  return (await run([...before, process.execPath, '--input-type=module', '-e', text])).stdout;
}

/** Descriptors and threads of this process. */
const held = (): number[] => ['fd', 'task'].map((kind) => readdirSync(`/proc/self/${kind}`).length);

inPrivateNamespace(import.meta.filename, () => {
  describe('the kernel worker', () => {
    it('answers in the order of the calls', async () => {
      await using kernel = await openKernel();
      const done: number[] = [];
      const calls = [
        kernel.apply([{ op: 'namespace-add', name: 'one' }]).then(() => done.push(0)),
        kernel.namespaceIdentity('/run/netns/one').then((identity) => done.push(identity === undefined ? -1 : 1)),
        kernel.apply([{ op: 'iptables-restore', family: 4, variant: 'nft', batch: '*filter\nCOMMIT\n' }]).then(() => done.push(2)),
        kernel.apply([{ op: 'namespace-delete', name: 'one' }]).then(() => done.push(3)),
        kernel.namespaceIdentity('/run/netns/one').then((identity) => done.push(identity === undefined ? 4 : -4)),
      ];
      await Promise.all(calls);
      assert.deepEqual(done, [0, 1, 2, 3, 4]);
    });

    it('goes on with what had begun when the caller gives up, and does not begin what waits', async () => {
      await using kernel = await openKernel();
      const ops: Op[] = Array.from({ length: 300 }, (_unused, i) => ({ op: 'link-add', namespace: HOST, name: `b${i}`, kind: { type: 'bridge' } }));
      const controller = new AbortController();
      const slow = kernel.apply(ops, controller.signal);
      const waiting = kernel.apply([{ op: 'link-add', namespace: HOST, name: 'never', kind: { type: 'bridge' } }], controller.signal);
      const later = kernel.snapshot([HOST]);
      setImmediate(() => controller.abort());
      const started = performance.now();
      await rejects(slow, 'ABORTED');
      await rejects(waiting, 'ABORTED');
      assert.ok(performance.now() - started < 50, 'the answer waited for the kernel');
      const names = (await later)[0]?.links.map(({ name }) => name) ?? [];
      assert.ok(names.includes('b299'));
      assert.ok(!names.includes('never'));
      await kernel.apply(ops.map((op): Op => ({ op: 'link-set', namespace: HOST, name: op.op === 'link-add' ? op.name : '', group: 9 })));
      await kernel.apply([{ op: 'link-group-delete', namespace: HOST, group: 9 }]);
      await rejects(kernel.apply(ops, AbortSignal.abort()), 'ABORTED');
    });

    it('fails the calls of a worker that crashed and starts another one', async () => {
      const kernel = await NetlinkKernel.open({ workerFile: CRASHING, nft: 'exec' });
      const events: KernelEvent[] = [];
      using watching = kernel.watch((event) => events.push(event));
      assert.equal(await kernel.namespaceIdentity('/a'), 'alive at /a');
      const [crash, behind] = [kernel.namespaceIdentity('/crash'), kernel.namespaceIdentity('/b')];
      await rejects(crash, 'INTERNAL', /it broke/);
      assert.equal(await behind, 'alive at /b');
      assert.deepEqual(events, [{ event: 'overflow' }]);
      watching[Symbol.dispose]();
      await kernel[Symbol.asyncDispose]();
    });

    it('lets go of everything when closed', async () => {
      await (await openKernel())[Symbol.asyncDispose]();
      const before = held();
      for (let i = 0; i < 3; i++) {
        await using kernel = await openKernel();
        using watching = kernel.watch(() => {});
        await kernel.apply([{ op: 'namespace-add', name: 'x' }, { op: 'namespace-delete', name: 'x' }]);
        watching[Symbol.dispose]();
      }
      const kernel = await openKernel();
      kernel.watch(() => {});
      await kernel[Symbol.asyncDispose]();
      await kernel[Symbol.asyncDispose]();
      assert.deepEqual(held(), before);
      await rejects(kernel.snapshot([HOST]), 'UNAVAILABLE', /closed/);
    });

    it('keeps a process alive only while somebody waits for an answer', async () => {
      assert.equal(await program("kernel.watch(() => {}); kernel.namespaceIdentity('host').then((identity) => console.log(typeof identity));"), 'string\n');
      assert.equal(await program("kernel.watch(() => {}); console.log('exit'); process.exit(0);"), 'exit\n');
      assert.equal(await program("await kernel.snapshot(['host']); console.log('close'); await kernel[Symbol.asyncDispose]();"), 'close\n');
      await assert.rejects(program("throw new Error('thrown')"), /thrown/);
    });

    it('is not idle at the expense of the processor', async () => {
      const used = await program(`
        kernel.watch(() => {});
        await kernel.namespaceIdentity('host');
        await new Promise((resolve) => setTimeout(resolve, 300));
        const before = process.cpuUsage();
        await new Promise((resolve) => setTimeout(resolve, 1000));
        const { user, system } = process.cpuUsage(before);
        console.log(user + system);`);
      assert.ok(Number(used) < 50_000, `${used.trim()} µs of a second`);
    });

    it('knows its own rules from those of others inside a PID namespace', async () => {
      const script = `
        const events = [];
        kernel.watch((event) => events.push(event.event + ' ' + (event.tables ?? '')));
        await kernel.apply([{ op: 'nft', script: 'table ip mine {\\n}' }, { op: 'iptables-restore', family: 4, variant: 'nft', batch: '*filter\\n:MINE - [0:0]\\nCOMMIT\\n' }]);
        await kernel.namespaceIdentity('host');
        console.log(events.length);
        (await import('node:child_process')).execFileSync('nft', ['add', 'table', 'ip', 'theirs']);
        await new Promise((resolve) => setTimeout(resolve, 200));
        console.log(events.join());`;
      assert.equal(await program(script, ['unshare', '-p', '--fork', '--mount-proc']), '0\nfirewall-changed ip theirs\n');
      assert.equal(await program(script), '0\n\n', 'a table that is there already is no change');
    });
  });
});
