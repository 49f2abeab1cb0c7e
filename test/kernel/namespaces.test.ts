import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/open-kernel.ts';
import { HOST } from '../../src/kernel/op.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { rejects } from '../support/refusal.ts';
import { run } from '../support/run.ts';

inPrivateNamespace(import.meta.filename, () => {
  describe('namespaces and sysctls', () => {
    let kernel: Kernel;
    const blue = '/run/netns/blue';

    before(async () => {
      kernel = await openKernel();
    });

    after(async () => {
      await kernel[Symbol.asyncDispose]();
    });

    afterEach(async () => {
      await kernel.apply([{ op: 'namespace-delete', name: 'blue' }]);
    });

    it('makes one that `ip netns` lists, enters and deletes, with lo up', async () => {
      await kernel.apply([{ op: 'namespace-add', name: 'blue' }]);
      assert.match((await run(['ip', 'netns', 'list'])).stdout, /^blue/m);
      assert.match((await run(['ip', 'netns', 'exec', 'blue', 'ip', '-br', 'address', 'show', 'lo'])).stdout, /127\.0\.0\.1/);
      assert.deepEqual(await kernel.namespaceNames(), ['blue']);
      await run(['ip', 'netns', 'delete', 'blue']);
      assert.deepEqual(await kernel.namespaceNames(), []);
    });

    it('shows and removes the name in the mount namespaces of other programs too', async () => {
      await kernel.apply([{ op: 'namespace-add', name: 'first' }, { op: 'namespace-delete', name: 'first' }]);
      // A program that made its own mount namespace before there was a blue, as a container engine does.
      const other = spawn('unshare', ['-m', '--propagation', 'slave', 'sh', '-c', 'echo; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] });
      try {
        await once(other.stdout, 'data');
        const look = ['nsenter', '-t', String(other.pid), '-m', 'ip', '-n', 'blue', 'link'];
        await kernel.apply([{ op: 'namespace-add', name: 'blue' }]);
        await run(look);
        await kernel.apply([{ op: 'namespace-delete', name: 'blue' }]);
        assert.notEqual((await run(look, { allowFail: true })).code, 0);
      } finally {
        other.kill();
      }
    });

    it('refuses a name that is taken and leaves the other as it is', async () => {
      await kernel.apply([{ op: 'namespace-add', name: 'blue' }]);
      const before = await kernel.namespaceIdentity(blue);
      await rejects(kernel.apply([{ op: 'namespace-add', name: 'blue' }]), 'EXISTS', /'blue'/);
      assert.equal(await kernel.namespaceIdentity(blue), before);
    });

    it('tells namespaces apart by what they are, not by their path', async () => {
      await kernel.apply([{ op: 'namespace-add', name: 'blue' }]);
      const inside = spawn('ip', ['netns', 'exec', 'blue', 'sh', '-c', 'echo; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(inside.stdout, 'data');
      const byPid = `/proc/${inside.pid}/ns/net`;
      assert.equal(await kernel.namespaceIdentity(byPid), await kernel.namespaceIdentity(blue));
      assert.notEqual(await kernel.namespaceIdentity(blue), await kernel.namespaceIdentity(HOST));
      assert.equal(await kernel.namespaceIdentity(HOST), await kernel.namespaceIdentity('/proc/self/ns/net'));
      assert.equal((await kernel.snapshot([byPid]))[0]?.links[0]?.name, 'lo');
      inside.kill();
      await once(inside, 'exit');
      assert.equal(await kernel.namespaceIdentity(byPid), undefined);
    });

    it('takes no plain file, other namespace or pipe for a network namespace', async () => {
      writeFileSync('/run/netns/stale', '');
      await run(['mkfifo', '/run/pipe']);
      for (const path of ['/run/netns/stale', '/run/netns/none', '/run/pipe', '/proc/self/ns/mnt', '/run', '/proc/999999999/ns/net']) {
        assert.equal(await kernel.namespaceIdentity(path), undefined, path);
        assert.deepEqual(await kernel.snapshot([path]), [], path);
        await rejects(kernel.sysctl(path, 'net/ipv4/ip_forward'), 'NOT_FOUND');
      }
      await kernel.apply([{ op: 'namespace-delete', name: 'stale' }]);
      assert.equal(existsSync('/run/netns/stale'), false);
    });

    it('leaves nothing behind when one is deleted, links included', async () => {
      const mounts = (await run(['cat', '/proc/self/mountinfo'])).stdout.split('\n').length;
      await kernel.apply([
        { op: 'namespace-add', name: 'blue' },
        { op: 'link-add', namespace: HOST, name: 'v0', kind: { type: 'veth', peer: { namespace: blue, name: 'eth0' } } },
        { op: 'announce', namespace: HOST, link: 'lo', address: '127.0.0.1', mac: '02:00:00:00:00:01', count: 1, interval: 1 },
      ]);
      await kernel.apply([{ op: 'namespace-delete', name: 'blue' }]);
      assert.deepEqual(readdirSync('/run/netns'), []);
      assert.equal((await run(['cat', '/proc/self/mountinfo'])).stdout.split('\n').length, mounts);
      const gone = async (): Promise<boolean> => (await kernel.snapshot([HOST]))[0]?.links.every(({ name }) => name !== 'v0') === true;
      const deadline = performance.now() + 5000;
      while (!(await gone())) {
        assert.ok(performance.now() < deadline, 'the namespace is still held: its link is there after 5 s');
        await delay(20);
      }
    });

    it('reads and writes sysctls of the namespace that is meant', async () => {
      await kernel.apply([{ op: 'namespace-add', name: 'blue' }, { op: 'sysctl-set', namespace: blue, key: 'net/ipv4/ip_forward', value: '1' }]);
      assert.equal(await kernel.sysctl(blue, 'net/ipv4/ip_forward'), '1');
      assert.equal(await kernel.sysctl(HOST, 'net/ipv4/ip_forward'), '0');
      assert.equal((await run(['ip', 'netns', 'exec', 'blue', 'sysctl', '-n', 'net.ipv4.ip_forward'])).stdout.trim(), '1');
      assert.equal((await run(['sysctl', '-n', 'net.ipv4.ip_forward'])).stdout.trim(), '0');
      assert.equal(await kernel.sysctl(blue, 'net/no/such'), undefined);
      await kernel.apply([{ op: 'sysctl-set', namespace: blue, key: 'net/no/such', value: '1', optional: true }]);
      await rejects(kernel.apply([{ op: 'sysctl-set', namespace: blue, key: 'net/no/such', value: '1' }]), 'KERNEL', /net\/no\/such/, /ENOENT/);
      await rejects(kernel.apply([{ op: 'sysctl-set', namespace: blue, key: 'net/ipv4/ip_forward', value: 'maybe' }]), 'KERNEL', /EINVAL/);
    });

    it('comes back to the host from every window, also from one that failed', async () => {
      await kernel.apply([{ op: 'namespace-add', name: 'blue' }]);
      const host = statSync('/proc/self/ns/net').ino;
      for (let i = 0; i < 20; i++) {
        await kernel.apply([{ op: 'sysctl-set', namespace: blue, key: 'net/ipv4/ip_forward', value: 'maybe' }]).catch(() => {});
        await kernel.snapshot([blue]);
      }
      for (const task of readdirSync('/proc/self/task')) assert.equal(statSync(`/proc/self/task/${task}/ns/net`).ino, host);
    });
  });
});
