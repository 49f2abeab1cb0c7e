import assert from 'node:assert/strict';
import type { Fact } from '../../src/firewall/facts.ts';
import { nftBackend } from '../../src/firewall/nft-backend.ts';
import type { NftElementChange } from '../../src/kernel/firewall-command.ts';
import type { Kernel, KernelEvent } from '../../src/kernel/kernel.ts';
import type { Op } from '../../src/kernel/op.ts';
import { openKernel } from '../../src/kernel/open-kernel.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { run } from '../support/run.ts';

const backend = nftBackend('0a1b2c3d');
const TABLE = 'netctl_0a1b2c3d';

const GUARD: Fact = { kind: 'guard', family: 4, link: 'eth9' };

/** Ports of every kind, `count` of each. */
function ports(count: number): Fact[] {
  return Array.from({ length: count }, (_, index): Fact[] => {
    const four = { family: 4, bridge: 'br0', address: '10.9.0.2', port: 80 } as const;
    const six = { family: 6, bridge: 'br0', address: 'fd00:9::2', port: 80 } as const;
    const hostPort = 1000 + index;
    return [
      { kind: 'published-port', ...four, protocol: 'tcp', hostPort },
      { kind: 'published-port', ...six, protocol: 'udp', hostPort },
      { kind: 'published-port', ...four, protocol: 'udp', hostPort, hostAddress: '192.0.2.7' },
      { kind: 'published-port', ...six, protocol: 'sctp', hostPort, hostAddress: '2001:db8::7' },
      { kind: 'open-port', ...four, protocol: 'tcp', port: hostPort },
      { kind: 'open-port', ...six, protocol: 'tcp', port: hostPort },
    ];
  }).flat();
}

const listed = async (): Promise<string> => (await run(['nft', 'list', 'table', 'inet', TABLE])).stdout;

/** Without the order of a hash set, which a set that is still growing lists differently each time, some elements twice. */
const content = async (): Promise<string> => [...new Set((await listed()).split(/[,{}\n]/).map((part) => part.trim()))].toSorted().join('\n');

/** The same, left to nft. */
const byScript = (ops: readonly Op[]): Op[] => ops.map((op) => (op.op === 'nft' ? { op: 'nft', script: op.script } : op));

inPrivateNamespace(import.meta.filename, () => {
  describe('set elements without nft', () => {
    let kernel: Kernel;

    beforeEach(async () => {
      kernel = await openKernel();
      await kernel.apply(backend.rebuild([GUARD]));
    });

    afterEach(() => kernel[Symbol.asyncDispose]());

    it('do what the script beside them says', async () => {
      const bare = await content();
      for (const facts of [ports(1), ports(300)]) {
        const add = backend.change([], facts);
        const remove = backend.change(facts, []);
        assert.ok([...add, ...remove].every((op) => op.op === 'nft' && op.elements !== undefined), 'ports need no nft');
        await kernel.apply(byScript(add));
        const wanted = await content();
        await kernel.apply(byScript(remove));
        assert.equal(await content(), bare);

        await kernel.apply(add);
        assert.equal(await content(), wanted);
        await kernel.apply(remove);
        assert.equal(await content(), bare);
      }
    });

    it('move a port to another endpoint in one step', async () => {
      const [before] = ports(1);
      const after = { ...before, address: '10.9.0.3' } as Fact;
      await kernel.apply(backend.change([], [before as Fact]));
      await kernel.apply(backend.change([before as Fact], [after]));
      assert.match(await listed(), /elements = \{ tcp \. 1000 : 10\.9\.0\.3 \. 80 \}/);
    });

    it('happen as a whole or not at all, and the refused one is named', async () => {
      const bare = await listed();
      const element = (change: 'add' | 'delete', set: string, port: string): NftElementChange => ({
        change,
        family: 'inet',
        table: TABLE,
        set,
        key: [{ type: 'inet_proto', value: 'tcp' }, { type: 'inet_service', value: port }],
        ...(change === 'add' ? { data: [{ type: 'ipv4_addr', value: '10.9.0.2' }, { type: 'inet_service', value: '80' }] } : {}),
      });
      const apply = (...elements: NftElementChange[]): Promise<void> => kernel.apply([{ op: 'nft', script: '', elements }]);
      await assert.rejects(apply(element('add', 'ports4', '1'), element('delete', 'ports4', '2')), /ENOENT/);
      await assert.rejects(apply(element('add', 'ports4', '1'), element('add', 'nix', '2')), /ENOENT/);
      await assert.rejects(apply(element('delete', 'ports4', '7')), /nft delete element inet netctl_0a1b2c3d ports4 \{ tcp \. 7 \}: ENOENT/);
      await assert.rejects(apply(element('add', 'ports4', '70000')), { code: 'INVALID' });
      assert.equal(await listed(), bare);
    });

    it('are no news to those who watch for changes of others', async () => {
      const events: KernelEvent[] = [];
      using watch = kernel.watch((event) => events.push(event));
      void watch;
      await kernel.apply(backend.change([], ports(3)));
      await run(['nft', 'add', 'table', 'inet', 'foreign']);
      while (events.length === 0) await kernel.namespaceNames();
      assert.deepEqual(events, [{ event: 'firewall-changed', tables: ['inet foreign'] }]);
    });
  });
});
