import assert from 'node:assert/strict';
import { eventually } from '../support/eventually.ts';
import { HOLDS_NOTHING, PluginLab } from '../support/plugin-lab.ts';

describe('a Docker plugin that fails', () => {
  let lab: PluginLab;

  before(async () => {
    lab = await PluginLab.open();
  });

  after(() => lab[Symbol.asyncDispose]());

  afterEach(() => lab.clear());

  const FAULTS: readonly (readonly [kind: string, says: RegExp])[] = [
    ['refuse', /^netctl: plugin 'sample' refused (\S+): not today\n$/],
    ['status', /^netctl: plugin 'sample' refused (\S+): out of paper and ink\n$/],
    ['garbage', /^netctl: plugin 'sample' answered (\S+) with what is no JSON object: '<html>'\n$/],
    ['empty', /^netctl: plugin 'sample' answered (\S+) with nothing, where at least \{\} has to come\n$/],
    ['cut', /^netctl: plugin 'sample' at \/run\/docker\/plugins\/sample\.sock cannot be asked for (\S+) \([^\n]*\)[^\n]*\n$/],
    ['nothing', /^netctl: plugin 'sample' at \/run\/docker\/plugins\/sample\.sock cannot be asked for (\S+) \(socket hang up\): its own log may say why\n$/],
    ['mute', /^netctl: plugin 'sample' at \/run\/docker\/plugins\/sample\.sock cannot be asked for (\S+) \(socket hang up\): its own log may say why\n$/],
    ['hang', /^netctl: plugin 'sample' at \/run\/docker\/plugins\/sample\.sock did not answer (\S+) within 2 s: see what it waits for\n$/],
  ];

  for (const [kind, says] of FAULTS) {
    it(`by ${kind} is quoted by name, and leaves nothing`, async function () {
      const refused = async (method: string, words: readonly string[]): Promise<void> => {
        const { code, stderr } = await lab.netctl.run(words);
        assert.match(stderr, says);
        assert.equal(says.exec(stderr)?.[1], `NetworkDriver.${method}`);
        assert.equal(code, 1);
      };
      await refused('CreateNetwork', ['network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', '-o', `CreateNetwork=${kind}`, 'far']);
      assert.doesNotMatch(await lab.netctl.ok('network', 'ls'), /far/);
      for (const method of ['CreateEndpoint', 'Join']) {
        await lab.netctl.ok('network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', '-o', `${method}=${kind}`, 'far');
        await refused(method, ['sandbox', 'create', '--network', 'far', 'web']);
        assert.equal(await lab.netctl.ok('sandbox', 'ls', '-q'), '');
        await lab.netctl.ok('sandbox', 'create', 'web');
        await refused(method, ['network', 'connect', 'far', 'web']);
        assert.equal(await lab.host.sh('ip -n web -br link | grep -cv "^lo " || :'), '0');
        await lab.netctl.ok('sandbox', 'rm', 'web');
        await lab.doctor('--fix');
        await lab.netctl.ok('network', 'rm', 'far');
      }
    });
  }

  it('in Program lets the endpoint go again; in Leave and Delete it is said and gone', async () => {
    await lab.netctl.ok('network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', '-o', 'ProgramExternalConnectivity=refuse', 'one');
    await lab.netctl.ok('network', 'create', '-d', 'sample', '--subnet', '10.31.0.0/24', '-o', 'Leave=refuse', 'two');
    await lab.netctl.ok('network', 'create', '-d', 'sample', '--subnet', '10.32.0.0/24', '-o', 'EndpointOperInfo=refuse', 'three');
    // 404 is allowed for this method, a refusal is not: the sample knows it by its option only.
    assert.match((await lab.netctl.run(['sandbox', 'create', '--network', 'one', 'web'])).stderr, /refused NetworkDriver\.ProgramExternalConnectivity/);
    assert.equal((await lab.plugin.holds()).endpoints, 0);
    await lab.netctl.ok('sandbox', 'create', '--network', 'two', '--network', 'three', 'web');
    await lab.netctl.ok('sandbox', 'rm', 'web');
    assert.match(lab.daemon.output, /WARN plugin 'sample' refused NetworkDriver\.Leave: not today; it is gone here all the same/);
    assert.equal((await lab.plugin.holds()).endpoints, 0);
  });

  it('by answers that make no sense to an engine', async () => {
    const cases: readonly (readonly [options: readonly string[], says: RegExp])[] = [
      [['insists=yes'], /answered NetworkDriver\.CreateEndpoint with address '10\.30\.0\.\d\/24', which was given to it as '10\.30\.0\.\d\/24': it may fill what is empty only/],
      [['source=nolink0'], /answered NetworkDriver\.Join with SrcName 'nolink0', and the host has no such link/],
      [['source=lo'], /answered NetworkDriver\.Join with SrcName 'lo', which cannot leave the host: it is the loopback interface$/m],
      [['source=br-own'], /answered NetworkDriver\.Join with SrcName 'br-own', which cannot leave the host: it is a bridge$/m],
      [['routes=192.0.2.300/24'], /answered NetworkDriver\.Join with something that no engine understands: '192\.0\.2\.300\/24' is not a subnet/],
      [['mac=01:00:5e:00:00:01'], /answered NetworkDriver\.CreateEndpoint with something that no engine understands: MAC address '01:00:5e:00:00:01' is a multicast one/],
      [['prefix=far/too'], /interface name 'far\/too0' is not allowed/],
    ];
    await lab.netctl.ok('network', 'create', '-o', 'com.docker.network.bridge.name=br-own', 'own');
    for (const [options, says] of cases) {
      await lab.netctl.ok('network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', ...options.flatMap((option) => ['-o', option]), 'far');
      const { code, stderr } = await lab.netctl.run(['sandbox', 'create', '--network', 'far', 'web']);
      assert.match(stderr, says);
      assert.match(stderr, /^netctl: [^\n]+\n$/);
      assert.notEqual(code, 0);
      await lab.doctor('--fix');
      assert.equal((await lab.plugin.holds()).endpoints, 0, options[0]);
      await lab.netctl.ok('network', 'rm', 'far');
    }
    for (const link of ['lo', 'br-own']) assert.match(await lab.host.sh(`ip link show ${link}`), /[<,]UP[,>]/, link);
    await lab.netctl.ok('network', 'rm', 'own');
  });

  it('by silence holds nobody else up, and the one who waits may go', async () => {
    await lab.netctl.ok('network', 'create', '-d', 'sample', '--subnet', '10.30.0.0/24', '-o', 'Join=hang', 'stuck');
    await lab.restart('SIGTERM', 'much');
    await using waiting = await lab.netctl.start(['sandbox', 'create', '--network', 'stuck', 'web']);
    await eventually(async () => lab.plugin.methods(), (methods) => methods.includes('Join'));
    await lab.netctl.ok('network', 'create', '--subnet', '10.31.0.0/24', 'near');
    await lab.netctl.ok('run', '--network', 'near', '--', 'true');
    assert.equal(waiting.running, true);
    await waiting.kill('SIGINT');
    assert.equal(await eventually(() => lab.netctl.ok('sandbox', 'ls', '-q'), (said) => said === ''), '');
    await lab.restart('SIGTERM');
    await lab.doctor('--fix');
  });

  it('in giving addresses gives back what it gave', async () => {
    for (const method of ['RequestPool', 'RequestAddress']) {
      const { stderr } = await lab.netctl.run(['network', 'create', '-d', 'sample', '--ipam', 'sample', '--ipam-opt', `${method}=refuse`, '-o', 'CreateNetwork=refuse', 'far']);
      assert.match(stderr, /^netctl: plugin 'sample' refused \S+: not today\n$/);
      assert.deepEqual(await eventually(() => lab.plugin.holds(), ({ addresses }) => addresses.length === 0), HOLDS_NOTHING);
    }
    const { stderr } = await lab.netctl.run(['network', 'create', '-d', 'sample', '--ipam', 'sample', '--ipam-opt', 'pool=127.9.0.0/16', 'far']);
    assert.match(stderr, /^netctl: plugin 'sample' answered IpamDriver\.RequestPool with what no network can have: subnet 127\.9\.0\.0\/16 cannot be used: 127\.0\.0\.0\/8 is the loopback network\n$/);
    assert.deepEqual(await eventually(() => lab.plugin.holds(), ({ addresses }) => addresses.length === 0), HOLDS_NOTHING);
    await lab.netctl.ok('network', 'create', '-d', 'sample', '--ipam', 'sample', '-o', 'Join=refuse', 'far');
    assert.match((await lab.netctl.run(['sandbox', 'create', '--network', 'far', 'web'])).stderr, /refused NetworkDriver\.Join/);
    assert.deepEqual((await lab.plugin.holds()).addresses, ['10.99.1.1']);
    assert.match((await lab.netctl.run(['sandbox', 'create', '--network', 'far,ip=10.99.1.1', 'web'])).stderr, /^netctl: plugin 'sample' refused IpamDriver\.RequestAddress: address 10\.99\.1\.1 is taken\n$/);
  });
});
