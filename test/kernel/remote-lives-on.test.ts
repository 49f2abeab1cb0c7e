import assert from 'node:assert/strict';
import { eventually } from '../support/eventually.ts';
import { PrivateHost } from '../support/host.ts';
import { Netctl } from '../support/netctl.ts';
import { HOLDS_NOTHING, PLUGIN_DAEMON, PluginLab } from '../support/plugin-lab.ts';
import { SamplePlugin } from '../support/sample-plugin.ts';

describe('a network of a Docker plugin lives on', () => {
  let lab: PluginLab;

  before(async () => {
    lab = await PluginLab.open();
  });

  after(() => lab[Symbol.asyncDispose]());

  afterEach(() => lab.clear());

  it('when the daemon is restarted, however it ends: nothing is said, no packet is lost', async () => {
    await lab.netctl.ok('network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', 'far');
    for (const name of ['one', 'two']) await lab.netctl.ok('sandbox', 'create', '--network', 'far', name);
    for (const how of ['SIGTERM', 'SIGKILL'] as const) {
      lab.plugin.forget();
      await using flow = await lab.host.spawn(['ip', 'netns', 'exec', 'one', 'ping', '-i', '0.05', '10.30.0.3']);
      await flow.waitFor(/icmp_seq=2/);
      await lab.restart(how);
      await flow.waitFor(/icmp_seq=20/);
      const numbers = [...flow.output.matchAll(/icmp_seq=(\d+)/g)].map(([, number]) => Number(number));
      assert.deepEqual(numbers.slice(0, 20), Array.from({ length: 20 }, (_, index) => index + 1));
      assert.doesNotMatch(await lab.doctor(), /^error/m);
      assert.deepEqual(lab.plugin.heard(), []);
    }
  });

  it('when its link is deleted, or its namespace: it joins again by itself, as it was', async () => {
    await lab.netctl.ok('network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', 'far');
    await lab.netctl.ok('sandbox', 'create', '--network', 'far', 'web');
    const mac = (): Promise<string> => lab.host.sh("ip -n web -br link show plug0 2>/dev/null | tr -s ' ' | cut -d' ' -f3");
    const before = await mac();
    for (const damage of ["ip link del $(ip -br link show type veth | grep -o '^p[0-9a-f]*')", 'ip -n web link del plug0', 'ip netns del web']) {
      lab.plugin.forget();
      await lab.host.sh(damage);
      const methods = await eventually(async () => lab.plugin.methods(), (said) => said.includes('ProgramExternalConnectivity'));
      assert.deepEqual(methods.slice(0, 4), ['Leave', 'DeleteEndpoint', 'CreateEndpoint', 'Join'], damage);
      assert.equal(await eventually(mac, (found) => found === before), before);
      await lab.pings('web', '10.30.0.1');
      assert.doesNotMatch(await lab.doctor(), /^error/m);
    }
  });

  it('when a link goes of which no end is in the host: doctor sees it', async () => {
    await lab.netctl.ok('network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', '-o', 'parent=eth0', 'far');
    await lab.netctl.ok('sandbox', 'create', '--network', 'far', 'web');
    lab.plugin.forget();
    await lab.host.sh('ip -n web link del plug0');
    assert.match(await lab.doctor(), /^error +links: link plug0 of sandbox 'web' in network 'far' is gone; 'netctl doctor --fix' puts it right$/m);
    await lab.doctor('--fix');
    assert.deepEqual(lab.plugin.methods().slice(0, 4), ['Leave', 'DeleteEndpoint', 'CreateEndpoint', 'Join']);
    assert.match(await lab.host.sh('ip -n web addr show plug0'), /inet 10\.30\.0\.2\/24/);
    assert.doesNotMatch(await lab.doctor(), /^error/m);
  });

  it('when its addresses and routes are flushed: those are ours to put back', async () => {
    await lab.netctl.ok('network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', 'far');
    await lab.netctl.ok('sandbox', 'create', '--network', 'far', 'web');
    lab.plugin.forget();
    await lab.host.sh('ip -n web addr flush dev plug0');
    assert.match(await lab.doctor('--fix'), /address 10\.30\.0\.2\/24 on plug0 restored/);
    await lab.pings('web', '10.30.0.1');
    assert.deepEqual(lab.plugin.heard(), []);
  });

  it('when the machine comes back, and the plugin has forgotten its networks', async function () {
    const machine = await PrivateHost.start();
    try {
      const before = new Netctl(machine);
      await before.daemon(PLUGIN_DAEMON);
      await using first = await SamplePlugin.start(machine);
      await before.ok('network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', 'far');
      await before.ok('sandbox', 'create', '--network', 'far', 'web');
      assert.equal((await first.holds()).endpoints, 1);
      const again = await machine.reboot();
      const netctlAgain = new Netctl(again);
      // Daemons start in no particular order.
      await netctlAgain.daemon(PLUGIN_DAEMON);
      assert.match((await netctlAgain.run(['doctor'])).stdout, /^error +plugins: sandbox 'web' is not connected to network 'far': no Docker plugin 'sample' in \/run\/docker\/plugins/m);
      await using second = await SamplePlugin.start(again);
      assert.match((await netctlAgain.run(['doctor', '--fix'])).stdout, /sandbox 'web' is not connected to network 'far': [^\n]*: put right/);
      assert.deepEqual(second.methods().slice(2), ['Leave', 'DeleteEndpoint', 'CreateEndpoint', 'CreateNetwork', 'CreateEndpoint', 'Join', 'EndpointOperInfo', 'ProgramExternalConnectivity']);
      assert.match(await again.sh('ip netns exec web ping -c 1 -W 1 10.30.0.1'), / 0% packet loss/);
    } finally {
      await machine[Symbol.asyncDispose]();
    }
  });

  it('when something goes while the plugin is away, which is told when it is back', async () => {
    await lab.netctl.ok('network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', 'far');
    await lab.netctl.ok('sandbox', 'create', '--network', 'far', 'web');
    await lab.plugin[Symbol.asyncDispose]();
    const { code, stderr } = await lab.netctl.run(['sandbox', 'rm', 'web']);
    assert.equal(code, 1);
    assert.match(stderr, /^netctl: gone here, and not told everywhere: plugin 'sample' at \/run\/docker\/plugins\/sample\.sock cannot be asked for NetworkDriver\.RevokeExternalConnectivity, nobody listens there \(ECONNREFUSED\): start it; it is told as soon as the plugin answers\n$/);
    assert.equal(await lab.netctl.ok('sandbox', 'ls', '-q'), '');
    assert.equal((await lab.netctl.run(['network', 'rm', 'far'])).code, 1);
    // It is known over a restart, too.
    await lab.restart('SIGKILL');
    assert.match(await eventually(() => lab.doctor(), (said) => said.includes('plugins:')), /^error +plugins: a plugin was not told that [0-9a-f]{12} is gone: /m);
    lab.plugin = await SamplePlugin.start(lab.host);
    assert.match(await lab.doctor('--fix'), /a plugin was not told that [0-9a-f]{12} is gone: [^\n]*: put right/);
    assert.deepEqual(await eventually(() => lab.plugin.holds(), ({ networks }) => networks === 0), HOLDS_NOTHING);
  });

  it('when the daemon is killed while the plugin joins: the next one ends what it began', async () => {
    await lab.netctl.ok('network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', '-o', 'Join=hang', 'stuck');
    const making = lab.netctl.run(['sandbox', 'create', '--network', 'stuck', 'web', '--no-autostart']);
    await eventually(async () => lab.plugin.methods(), (methods) => methods.includes('Join'));
    await lab.restart('SIGKILL');
    assert.equal((await making).code, 1);
    assert.match(await eventually(() => lab.doctor(), (said) => said.includes('did not answer')), /^error +plugins: sandbox 'web' is not connected to network 'stuck': plugin 'sample' at [^ ]* did not answer NetworkDriver\.Join within 2 s/m);
    await lab.netctl.run(['sandbox', 'rm', 'web']);
    await lab.doctor('--fix');
    assert.equal((await lab.plugin.holds()).endpoints, 0);
  });
});
