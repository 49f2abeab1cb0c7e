import assert from 'node:assert/strict';
import { PrivateHost } from '../support/host.ts';
import { difference, type MachineState } from '../support/machine-state.ts';
import { Netctl } from '../support/netctl.ts';

for (const firewall of ['nft', 'iptables'] as const) {
  describe(`names at the gateway of a network, with ${firewall}`, () => {
    let clean: MachineState;
    let host: PrivateHost;
    let netctl: Netctl;

    before(async () => {
      host = await PrivateHost.start();
      netctl = new Netctl(host);
      // A host that lets nothing in.
      await host.sh('for t in iptables ip6tables; do $t -P INPUT DROP; $t -A INPUT -i lo -j ACCEPT; $t -A INPUT -p icmpv6 -j ACCEPT 2>/dev/null || :; done');
      await netctl.daemon(['--docker-plugins', 'none', '--firewall', firewall]);
      clean = await host.snapshot();
    });

    after(() => host[Symbol.asyncDispose]());

    /** What a sandbox hears from a server: addresses and names, or that nothing came. */
    const dig = async (sandbox: string, ...words: string[]): Promise<string> => {
      const { stdout } = await host.netns(sandbox).exec(['dig', '+short', '+time=1', '+tries=2', ...words], { allowFail: true });
      return stdout.startsWith(';;') ? 'nothing' : stdout.trim();
    };

    it('cannot be where another program serves names, and nothing is left', async () => {
      await using server = await host.spawn(['dnsmasq', '--keep-in-foreground', '--no-resolv', '--user=root', '--pid-file=']);
      await host.sh('until ss -lnu | grep -q ":53 "; do sleep 0.05; done');
      const { code, stderr } = await netctl.run(['network', 'create', '-o', 'tsbridge.dns=gateway', '--subnet', '10.9.0.0/24', 'blue']);
      assert.equal(code, 1);
      assert.match(stderr, /^netctl: port 53 of 10\.9\.0\.1 is held by .*dnsmasq.*\n$/);
      await server.kill('SIGTERM');
      assert.deepEqual(difference(clean, await host.snapshot()), []);
    });

    it('are served to its members, by UDP and TCP and both families', async () => {
      await netctl.ok('network', 'create', '-o', 'tsbridge.dns=gateway', '--subnet', '10.9.0.0/24', '--subnet', 'fd00:9::/64', 'blue');
      await netctl.ok('network', 'create', '--subnet', '10.7.0.0/24', '--subnet', 'fd00:7::/64', 'red');
      for (const name of ['web', 'guest']) await netctl.ok('sandbox', 'create', '--network', 'blue', name);
      await netctl.ok('sandbox', 'create', '--network', 'red', 'other');
      assert.equal(await dig('guest', '@10.9.0.1', 'web'), '10.9.0.2');
      assert.equal(await dig('guest', '+tcp', '@10.9.0.1', 'web.blue', 'aaaa'), 'fd00:9::2');
      assert.equal(await dig('guest', '@fd00:9::1', '-x', '10.9.0.2'), 'web.blue.');
      assert.equal(await dig('guest', '+tcp', '@fd00:9::1', 'host.netctl.internal'), '10.9.0.1');
    });

    it('open that port and no other, to that network and no other', async () => {
      await using served = await host.serve(8080, 'tcp', 'host');
      assert.equal(served.port, 8080);
      assert.equal(await host.netns('guest').canReach('10.9.0.1', 8080), false);
      assert.equal(await dig('guest', '+tcp', '@10.9.0.1', 'web'), '10.9.0.2');
      for (const words of [['@10.9.0.1'], ['+tcp', '@10.9.0.1'], ['@fd00:9::1']]) assert.equal(await dig('other', ...words, 'web'), 'nothing', words.join(' '));
      await host.outside.sh(`ip route add 10.9.0.0/24 via ${host.address4}`);
      const { outcome } = await host.outside.probe('10.9.0.1', 53);
      assert.equal(outcome, 'timeout');
    });

    it('come back with the rules that somebody took away', async () => {
      const chain = "$(iptables -t mangle -S | grep -o 'NETCTL-[0-9a-f]*-HOST' | head -n 1)";
      await host.sh(firewall === 'nft' ? "nft delete table inet $(nft list tables | grep -o 'netctl_[0-9a-f]*' | head -n 1); iptables -D INPUT 1" : `iptables -t mangle -F ${chain}; iptables -D INPUT 1`);
      assert.equal(await dig('guest', '@10.9.0.1', 'web'), 'nothing');
      await netctl.ok('doctor', '--fix');
      assert.equal(await dig('guest', '@10.9.0.1', 'web'), '10.9.0.2');
    });

    it('are refused where the network has no gateway address', async () => {
      const { stderr } = await netctl.run(['network', 'create', '--internal', '-o', 'tsbridge.dns=gateway', '-o', 'com.docker.network.bridge.gateway_mode_ipv4=isolated', 'x']);
      assert.match(stderr, /tsbridge\.dns=gateway needs an address of the host in the network/);
    });

    it('go with the network, and leave nothing', async () => {
      await netctl.ok('sandbox', 'rm', 'web', 'guest', 'other');
      await netctl.ok('network', 'rm', 'blue', 'red');
      assert.deepEqual(difference(clean, await host.snapshot()), []);
    });
  });
}
