import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { iptablesSave } from '../../src/kernel/iptables.ts';
import { NetlinkKernel } from '../../src/kernel/netlink-kernel.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { rejects } from '../support/refusal.ts';
import { run } from '../support/run.ts';
import { skip } from '../support/skip.ts';

const ruleset = async (): Promise<string> => (await run(['nft', 'list', 'ruleset'])).stdout;

/** Without counters and the time of day. */
const rules = (text: string | undefined): string[] => (text ?? '').split('\n').filter((line) => line.startsWith('-A') || line.startsWith('COMMIT'));

inPrivateNamespace(import.meta.filename, () => {
  for (const nft of ['library', 'exec'] as const) {
    describe(`nftables by ${nft}`, () => {
      let kernel: NetlinkKernel;

      before(async () => {
        kernel = await NetlinkKernel.open({ nft });
      });

      after(async () => {
        await kernel[Symbol.asyncDispose]();
        await run(['nft', 'flush', 'ruleset']);
      });

      it('applies a script as a whole or not at all', async () => {
        await kernel.apply([{ op: 'nft', script: 'table ip t {\n map ports {\n type inet_proto . inet_service : ipv4_addr . inet_service\n }\n }\n' }]);
        const before = await ruleset();
        await rejects(
          kernel.apply([{ op: 'nft', script: 'add element ip t ports { tcp . 80 : 10.0.0.1 . 8080 }\nadd element ip t nosuch { tcp . 80 : 10.0.0.1 . 8080 }\n' }]),
          'KERNEL',
          /No such file or directory/,
        );
        assert.equal(await ruleset(), before);
      });

      it('says what is wrong with a script, in one line', async () => {
        await rejects(kernel.apply([{ op: 'nft', script: 'table ip t { chain\n' }]), 'KERNEL', /syntax error/);
        await rejects(kernel.apply([{ op: 'nft', script: 'create table ip t' }]), 'KERNEL', /File exists.*`create table ip t`/);
        await rejects(kernel.apply([{ op: 'nft', script: 'add table ip x\0flush ruleset' }]), 'INVALID', /NUL/);
      });

      it('lists as JSON, also maps, and knows what is not there', async () => {
        await kernel.apply([{ op: 'nft', script: 'add element ip t ports { tcp . 80 : 10.0.0.1 . 8080 }' }]);
        const listed = JSON.stringify(await kernel.nftList('list map ip t ports'));
        assert.match(listed, /"concat":\["tcp",80\]/);
        assert.equal(await kernel.nftList('list table ip nosuch'), undefined);
        assert.equal(await kernel.nftList('list map ip t nosuch'), undefined);
        await rejects(kernel.nftList('lits'), 'KERNEL', /syntax error/);
      });

      it('takes ten thousand elements in one script', async () => {
        const elements = Array.from({ length: 10_000 }, (_unused, i) => `tcp . ${i + 1000} : 10.0.${i >> 8}.${i & 255} . 80`).join(', ');
        await kernel.apply([{ op: 'nft', script: `add element ip t ports { ${elements} }` }]);
        assert.equal(JSON.stringify(await kernel.nftList('list map ip t ports')).match(/"10\.0\.\d+\.\d+"/g)?.length, 10_001);
        await kernel.apply([{ op: 'nft', script: 'delete table ip t' }]);
      });
    });
  }

  for (const variant of ['nft', 'legacy'] as const) {
    describe(`iptables-${variant}`, () => {
      let kernel: NetlinkKernel;

      before(async function () {
        if (!existsSync(`/usr/sbin/iptables-${variant}-restore`)) skip(this, `program iptables-${variant}-restore`);
        if (variant === 'legacy' && (await run(['iptables-legacy', '-L'], { allowFail: true })).code !== 0) skip(this, 'kernel feature ip_tables');
        kernel = await NetlinkKernel.open();
      });

      after(async () => {
        await (kernel as NetlinkKernel | undefined)?.[Symbol.asyncDispose]();
      });

      for (const family of [4, 6] as const) {
        it(`reads no table that is not there, and does not make it (IPv${family})`, async () => {
          if (variant === 'nft') {
            assert.equal(await iptablesSave(family, variant, { table: 'mangle' }), undefined);
            assert.doesNotMatch(await ruleset(), /mangle/);
          }
          await kernel.apply([{ op: 'iptables-restore', family, variant, batch: '*filter\n:OURS - [0:0]\n-A OURS -m comment --comment "x y" -j RETURN\nCOMMIT\n' }]);
          assert.match((await iptablesSave(family, variant, { table: 'filter' })) ?? '', /-A OURS -m comment --comment "x y" -j RETURN/);
        });

        it(`leaves the table as it was when a line is refused, and names the line (IPv${family})`, async () => {
          const before = await iptablesSave(family, variant, { table: 'filter' });
          const batch = '*filter\n-A OURS -j ACCEPT\n-A OURS -j NOSUCH\nCOMMIT\n';
          await rejects(kernel.apply([{ op: 'iptables-restore', family, variant, batch }]), 'KERNEL', /NOSUCH|line/);
          await rejects(kernel.apply([{ op: 'iptables-restore', family, variant, batch: '*filter\n-A OURS --nonsense\nCOMMIT\n' }]), 'KERNEL', /nonsense/);
          assert.deepEqual(rules(await iptablesSave(family, variant, { table: 'filter' })), rules(before));
        });
      }

      it('gives up when the caller does', async () => {
        await rejects(iptablesSave(4, variant, { table: 'filter', signal: AbortSignal.abort() }), 'ABORTED');
      });
    });
  }

  it('plain iptables means whatever it is on this machine', async () => {
    const kernel = await NetlinkKernel.open();
    await kernel.apply([{ op: 'iptables-restore', family: 4, variant: 'default', batch: '*filter\n:PLAIN - [0:0]\nCOMMIT\n' }]);
    await kernel[Symbol.asyncDispose]();
    const { stdout } = await run(['iptables-save', '-t', 'filter']);
    assert.match(stdout, /:PLAIN/);
    assert.match((await iptablesSave(4, 'default', { table: 'filter' })) ?? '', /:PLAIN/);
    assert.equal(await iptablesSave(4, 'default', { table: 'security' }), undefined);
  });

  it('a machine without the programs is told so', async () => {
    const kernel = await NetlinkKernel.open();
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- stands for a variant that is not installed
    const variant = 'none' as 'nft';
    await rejects(kernel.apply([{ op: 'iptables-restore', family: 4, variant, batch: '' }]), 'UNSUPPORTED', /iptables-none-restore is not installed/);
    await kernel[Symbol.asyncDispose]();
  });
});
