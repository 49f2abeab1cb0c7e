import assert from 'node:assert/strict';
import type { PortBinding } from '../../src/ports/spec.ts';
import type { ProbeResult } from './agent-protocol.ts';
import { PrivateHost } from './host.ts';
import type { Place } from './place.ts';
import { rejects } from './refusal.ts';
import { RemoteController } from './remote-controller.ts';
import { skip } from './skip.ts';

/** ms. Where the kernel has sctp it is mostly an emulated one. */
const PATIENCE = 10_000;

/** Tests of published sctp ports; they skip where the kernel has no sctp. */
export function describeSctp(): void {
  describe('published sctp ports', () => {
    let host: PrivateHost;
    let remote: RemoteController;

    before(async function () {
      host = await PrivateHost.start();
      try {
        await using trial = await host.serve(0, 'sctp', 'trial');
        assert.ok(trial.port > 0);
      } catch (error) {
        skip(this, `kernel module sctp (${String(error)})`);
      }
      remote = await RemoteController.start(host);
      await remote.controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24', 'fd00:9::/64'] });
      await remote.controller.createNetwork({ name: 'four', subnets: ['10.10.0.0/24'] });
    });

    after(async () => {
      await remote?.[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
    });

    afterEach(async () => {
      for (const { name } of await remote.controller.sandboxes()) await remote.controller.removeSandbox(name);
    });

    const sandbox = (name: string, network: string, ports: readonly Partial<PortBinding>[]): Promise<unknown> =>
      remote.controller.createSandbox({ name, networks: [{ network }], ports: ports.map((port) => ({ protocol: 'sctp', containerPort: 7000, ...port })) });

    const ask = (from: Place, address: string, port: number): Promise<ProbeResult> => from.probe(address, port, { proto: 'sctp', timeoutMs: PATIENCE });

    /** A probe that got no answer says what it got. */
    const answers = (result: ProbeResult, words: RegExp): void => assert.match(result.answer, words, JSON.stringify(result));

    it('are reached from the LAN by either family, and from the host', async () => {
      await sandbox('web', 'blue', [{ hostPort: 9000 }]);
      await using server = await host.netns('web').serve(7000, 'sctp', 'web');
      assert.equal(server.port, 7000);
      const lan = host.addresses[0];
      answers(await ask(host.outside, host.address4, 9000), new RegExp(`^web from ${lan?.gateway4} `));
      answers(await ask(host.outside, host.address6, 9000), new RegExp(`^web from ${lan?.gateway6} `));
      answers(await ask(host, '127.0.0.1', 9000), /^web from/);
      assert.equal((await ask(host.outside, host.address4, 7000)).outcome, 'refused');
    });

    it('are really taken: by number, by a range and by chance', async () => {
      await sandbox('web', 'blue', [{ hostPort: 9000 }, { hostPort: 9000, hostPortEnd: 9001 }, {}]);
      const taken = (await remote.controller.ports()).map(({ hostPort }) => hostPort);
      assert.deepEqual(taken.slice(0, 2), [9000, 9001]);
      for (const port of taken) await assert.rejects(host.serve(port, 'sctp', 'thief'), /EADDRINUSE/, String(port));
      await rejects(sandbox('other', 'blue', [{ hostPort: 9000 }]), 'IN_USE', /9000\/sctp is published by 'web' already/);
      await using busy = await host.serve(0, 'sctp', 'busy');
      await rejects(sandbox('other', 'blue', [{ hostPort: busy.port }]), 'IN_USE', /sctp .* is in use by another program/);
      // tcp and sctp are apart.
      await sandbox('other', 'blue', [{ protocol: 'tcp', hostPort: 9000 }]);
    });

    it('of an IPv4 network are those of IPv4: no proxy knows sctp', async () => {
      await sandbox('web', 'four', [{ hostPort: 9000 }]);
      await using server = await host.netns('web').serve(7000, 'sctp', 'web');
      assert.equal(server.port, 7000);
      answers(await ask(host.outside, host.address4, 9000), /^web from/);
      assert.equal((await ask(host.outside, host.address6, 9000)).outcome, 'refused');
      assert.deepEqual((await remote.controller.ports()).map(({ hostAddress, hostPort }) => [hostAddress, hostPort]), [['0.0.0.0', 9000]]);
    });

    it('follow a re-created sandbox, whatever port the client has', async () => {
      await sandbox('web', 'blue', [{ hostPort: 9000 }]);
      const probe = async (): Promise<ProbeResult> => host.outside.probe(host.address4, 9000, { proto: 'sctp', timeoutMs: PATIENCE, sourceAddress: host.addresses[0]?.gateway4 ?? '', sourcePort: 9000 });
      {
        await using first = await host.netns('web').serve(7000, 'sctp', 'first');
        assert.equal(first.port, 7000);
        answers(await probe(), /^first from/);
      }
      await remote.controller.removeSandbox('web');
      await sandbox('web', 'blue', [{ hostPort: 9000 }]);
      await using second = await host.netns('web').serve(7000, 'sctp', 'second');
      assert.equal(second.port, 7000);
      answers(await probe(), /^second from/);
    });
  });
}
