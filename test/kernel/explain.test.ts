import assert from 'node:assert/strict';
import { PrivateHost } from '../support/host.ts';
import { Netctl } from '../support/netctl.ts';

describe('what --explain prints', () => {
  for (const firewall of ['nft', 'iptables'] as const) it(`makes a working network when it is typed into the shell of another host (${firewall})`, async function () {
    await using described = await PrivateHost.start();
    const netctl = new Netctl(described);
    await using daemon = await netctl.daemon(['--docker-plugins', 'none', '--firewall', firewall]);
    assert.equal(daemon.running, true);
    const create = ['network', 'create', '--subnet', '10.9.0.0/24', '--ipv6', '--subnet', 'fd00:9::/64', '-o', 'com.docker.network.bridge.name=br-blue'];
    const network = await netctl.ok(...create, '--explain', 'blue');
    await netctl.ok(...create, 'blue');
    const sandbox = await netctl.ok('sandbox', 'create', '--network', 'blue', '-p', '8080:80', '--explain', 'web');

    await using host = await PrivateHost.start();
    await host.sh(network);
    await host.sh(sandbox);
    await using web = await host.netns('web').serve(80, 'tcp', 'web');
    await using internet = await host.outside.serve(7000, 'tcp', 'internet');
    assert.deepEqual([web.port, internet.port], [80, 7000]);
    const tries: readonly (readonly [string, Promise<boolean>])[] = [
      ['LAN to the published port', host.outside.canReach(host.address4, 8080)],
      ['the same by IPv6', host.outside.canReach(host.address6, 8080)],
      ['host to 127.0.0.1', host.canReach('127.0.0.1', 8080)],
      ['out', host.netns('web').canReach('203.0.113.7', 7000)],
      ['out by IPv6', host.netns('web').canReach('2001:db8:200::7', 7000)],
    ];
    const outcomes = await Promise.all(tries.map(async ([what, outcome]) => [what, await outcome] as const));
    assert.deepEqual(outcomes.filter(([, reached]) => !reached), []);
  });
});
