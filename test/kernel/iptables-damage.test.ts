import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { PrivateHost } from '../support/host.ts';
import { difference, type MachineState } from '../support/machine-state.ts';
import type { Serving } from '../support/place.ts';
import { RemoteController } from '../support/remote-controller.ts';
import { skip } from '../support/skip.ts';
import type { TestFirewall } from '../support/test-firewall.ts';

/** Longer than it takes until a change by others has been looked at. */
const LOOKED_AT = 800;

const KINDS: readonly (readonly [firewall: TestFirewall, program: string])[] = [['iptables', 'iptables-nft'], ['iptables-legacy', 'iptables-legacy']];

for (const [firewall, program] of KINDS) {
  describe(`rules of ours among those of others, ${program}`, () => {
    let host: PrivateHost;
    let remote: RemoteController;
    let clean: MachineState;
    let web: Serving;
    let chain: (role: string) => string;

    before(async function () {
      host = await PrivateHost.start();
      if ((await host.exec([program, '-L'], { allowFail: true })).code !== 0) skip(this, `program ${program} on this kernel`);
      await host.sh('nft flush ruleset');
      clean = await host.snapshot();
      remote = await RemoteController.start(host, { firewall });
      chain = (role) => `NETCTL-${remote.instance}-${role}`;
      await remote.controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24', 'fd00:9::/64'] });
      await remote.controller.createSandbox({ name: 'web', networks: [{ network: 'blue' }], ports: [{ protocol: 'tcp', containerPort: 80, hostPort: 8080 }] });
      web = await host.netns('web').serve(80, 'tcp', 'web');
    });

    after(async () => {
      await remote?.[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
    });

    /** Of iptables-nft: numbers of the rules, which are others after a rebuild. */
    const handles = (): Promise<string> => host.sh(`nft -a list ruleset | awk '/^table /{ours = 0} /chain /{ours = /NETCTL/} ours' | grep -o 'handle [0-9]*'`);
    const rules = (): Promise<string> => host.sh(`${program}-save | grep -o '^-A.*NETCTL.*'`);
    const repairs = (): string[] => remote.events.filter(({ action }) => action === 'repair').map(({ name }) => name);

    const served = (): Promise<boolean> => host.outside.canReach(host.address4, 8080);

    if (program === 'iptables-legacy') {
      // The daemon is told of nothing there: what it finds is what it was asked to look for.
      it('are named by doctor and put right by doctor --fix', async () => {
        const whole = await rules();
        await host.sh(`${program} -t nat -R ${chain('PORTS')} 1 -p tcp --dport 8080 -j DNAT --to-destination 10.9.0.77:80`);
        const findings = await remote.controller.diagnose();
        const repaired = await remote.controller.reconcile();
        const wrong = `iptables, table nat, chain ${chain('PORTS')} lacks '-p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.9.0.2:80'`;
        assert.ok(findings.some(({ message }) => message === wrong), findings.map(({ message }) => message).join('\n'));
        assert.ok(repaired.includes(`${wrong}: put right`), repaired.join('\n'));
        assert.equal(await rules(), whole);
        assert.deepEqual((await remote.controller.diagnose()).filter(({ level }) => level === 'error'), []);
        assert.equal(await served(), true);
      });
    }

    if (program === 'iptables-nft') {
      it('are put back by themselves, and the event names them', async () => {
        const whole = await rules();
        await host.sh(`${program} -t nat -F ${chain('PORTS')}`);
        await remote.event(({ name }) => name === `iptables, table nat, chain ${chain('PORTS')} lacks '-p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.9.0.2:80': put back`);
        assert.equal(await rules(), whole);
        await host.sh(`${program} -t mangle -I ${chain('TO-NAT')} 1 -j ACCEPT`);
        await remote.event(({ name }) => name === `iptables, table mangle, chain ${chain('TO-NAT')} has, and nobody wants, '-j ACCEPT': put back`);
        assert.equal(await rules(), whole);
        await host.sh(`${program} -t raw -F; ${program} -t nat -F; ${program} -t mangle -F; ${program} -F`);
        await remote.event(({ name }) => name.includes(`chain ${chain('RAW')} lacks`));
        assert.equal(await rules(), whole);
        assert.equal(await served(), true);
      });

      it('stay as they are while others change theirs, and after a repair', async () => {
        await delay(LOOKED_AT);
        const [before, count] = [await handles(), repairs().length];
        for (const words of ['-t nat -A PREROUTING -p tcp --dport 9 -j ACCEPT', '-N DOCKER-USER', '-A FORWARD -j DOCKER-USER', '-t nat -D PREROUTING -p tcp --dport 9 -j ACCEPT', '-D FORWARD -j DOCKER-USER', '-X DOCKER-USER']) {
          await host.sh(`${program} ${words}`);
          await delay(50);
        }
        await delay(LOOKED_AT);
        // only the accept rule may have moved
        assert.equal(await handles(), before);
        assert.equal(repairs().length, count);
      });

      it('are left, and that is told, where putting them back does not help', async () => {
        await host.sh('nft add rule ip nat PREROUTING ct state vmap { new : accept }');
        await remote.event(({ action, name }) => action === 'warning' && name.includes('table nat cannot be read'));
        const before = await handles();
        for (const number of [1, 2]) {
          await host.sh(`${program} -N OTHER${number}`);
          await delay(LOOKED_AT);
        }
        assert.equal(await handles(), before);
        await host.sh(`nft -a list chain ip nat PREROUTING | sed -n 's/.*vmap.*handle /nft delete rule ip nat PREROUTING handle /p' | sh; ${program} -X OTHER1; ${program} -X OTHER2`);
      });
    }

    it('go with the last network, and nothing else does', async () => {
      await web[Symbol.asyncDispose]();
      await remote.controller.removeSandbox('web');
      await remote.controller.removeNetwork('blue');
      const sections = ['nftables', 'iptables-legacy', 'ip6tables-legacy', 'links', 'sysctls'];
      assert.deepEqual(difference(clean, await host.snapshot(), sections), []);
    });
  });
}
