import assert from 'node:assert/strict';
import { eventually } from '../support/eventually.ts';
import { HOLDS_NOTHING, PluginLab } from '../support/plugin-lab.ts';
import { SamplePlugin } from '../support/sample-plugin.ts';

describe('a Docker plugin or a daemon that is killed in the middle of it', () => {
  let lab: PluginLab;

  before(async () => {
    lab = await PluginLab.open();
  });

  after(() => lab[Symbol.asyncDispose]());

  afterEach(() => lab.clear());

  /** Kills the daemon as soon as the plugin has done what it was asked for, and does not answer. */
  const killDuring = async (words: readonly string[]): Promise<void> => {
    await lab.restart('SIGTERM', 'much');
    const asking = lab.netctl.run(['--no-autostart', ...words]);
    await lab.plugin.stalls();
    await lab.restart('SIGKILL');
    assert.match((await asking).stderr, /^netctl: [^\n]+\n$/);
  };

  it('the daemon, while a network is made: the plugin is asked to forget it, and makes it anew', async () => {
    await killDuring(['network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', '-o', 'CreateNetwork=stall', 'far']);
    const methods = await eventually(async () => lab.plugin.methods(), (said) => said.filter((method) => method === 'CreateNetwork').length === 2);
    assert.deepEqual(methods.slice(-2), ['DeleteNetwork', 'CreateNetwork']);
    assert.match((await lab.netctl.run(['sandbox', 'create', '--network', 'far', 'web'])).stderr, /^netctl: network 'far' is not known to its plugin 'sample' yet: 'netctl doctor' says why\n$/);
    await lab.netctl.run(['network', 'rm', 'far']);
    assert.deepEqual(await eventually(() => lab.plugin.holds(), ({ networks }) => networks === 0), HOLDS_NOTHING);
  });

  it('the daemon, while a sandbox joins, which is removed before the plugin is back', async () => {
    await lab.netctl.ok('network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', '-o', 'Join=stall', 'far');
    await lab.restart('SIGTERM', 'much');
    const asking = lab.netctl.run(['--no-autostart', 'sandbox', 'create', '--network', 'far', 'web']);
    await lab.plugin.stalls();
    await lab.daemon.kill('SIGKILL');
    await lab.plugin[Symbol.asyncDispose]();
    await lab.restart('SIGKILL');
    assert.equal((await asking).code, 1);
    assert.match((await lab.netctl.run(['sandbox', 'rm', 'web'])).stderr, /^netctl: gone here, and not told everywhere: [^\n]+\n$/);
    assert.equal((await lab.plugin.holds()).endpoints, 1);
    lab.plugin = await SamplePlugin.start(lab.host);
    assert.match(await lab.doctor('--fix'), /a plugin was not told that [0-9a-f]{12} is gone: [^\n]*: put right/);
    assert.equal((await lab.plugin.holds()).endpoints, 0);
    await lab.netctl.ok('network', 'rm', 'far');
  });

  it('the daemon, when an address has been given: it is not held twice', async () => {
    await lab.netctl.ok('network', 'create', '-d', 'sample', '--ipam', 'sample', '--subnet', '10.50.0.0/24', '-o', 'Join=stall', 'far');
    await killDuring(['sandbox', 'create', '--network', 'far', 'web']);
    assert.match(await eventually(() => lab.doctor(), (said) => said.includes('did not answer')), /^error +plugins: sandbox 'web' is not connected to network 'far': [^\n]* did not answer NetworkDriver\.Join within 2 s/m);
    await lab.netctl.run(['sandbox', 'rm', 'web']);
    await lab.doctor('--fix');
    assert.deepEqual((await lab.plugin.holds()).addresses, ['10.50.0.1']);
  });

  it('the plugin, between CreateEndpoint and Join: one line says so, and it is told when it is back', async () => {
    await lab.netctl.ok('network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', '-o', 'Join=die', 'far');
    const { code, stderr } = await lab.netctl.run(['sandbox', 'create', '--network', 'far', 'web']);
    assert.match(stderr, /^netctl: plugin 'sample' at \/run\/docker\/plugins\/sample\.sock cannot be asked for NetworkDriver\.Join \(socket hang up\): its own log may say why\n$/);
    assert.equal(code, 1);
    assert.equal(await lab.netctl.ok('sandbox', 'ls', '-q'), '');
    assert.match(await lab.doctor(), /^error +plugins: a plugin was not told that [0-9a-f]{12} is gone: /m);
    assert.doesNotMatch(await lab.doctor('--fix'), /put right/);
    lab.plugin = await SamplePlugin.start(lab.host);
    assert.match(await lab.doctor('--fix'), /is gone: [^\n]*: put right/);
    assert.equal((await lab.plugin.holds()).endpoints, 0);
    await lab.netctl.ok('network', 'rm', 'far');
  });
});
