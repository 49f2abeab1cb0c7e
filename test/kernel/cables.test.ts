import assert from 'node:assert/strict';
import type { Background } from '../support/background.ts';
import { eventually } from '../support/eventually.ts';
import { PrivateHost } from '../support/host.ts';
import { difference, type MachineState } from '../support/machine-state.ts';
import { Netctl } from '../support/netctl.ts';

interface ListedLink {
  readonly id: string;
  readonly name: string;
  readonly mtu: number;
  readonly ends: readonly { readonly sandbox: string | null; readonly interface: string; readonly mac: string; readonly addresses: readonly string[] }[];
}

const MARKS = ['links', 'namespaces', 'routes', 'rules', 'mounts', 'sysctls', 'nftables'];

describe('netctl link: cables between sandboxes', () => {
  let host: PrivateHost;
  let netctl: Netctl;
  let daemon: Background;
  let clean: MachineState;

  const start = async (): Promise<void> => {
    netctl = new Netctl(host);
    daemon = await netctl.daemon(['--docker-plugins', 'none']);
  };
  const links = (): Promise<ListedLink[]> => netctl.json<ListedLink[]>('link', 'ls');
  const pings = async (from: string, address: string, ...options: readonly string[]): Promise<void> =>
    assert.match(await host.sh(`ip netns exec ${from} ping -c 1 -W 1 ${options.join(' ')} ${address}`), / 0% packet loss/, `${from} to ${address}`);
  /** Interfaces of a sandbox but lo, and but those on their way out. */
  const interfaces = (sandbox: string): Promise<string> => host.sh(`ip -n ${sandbox} -br link | grep -v -e '^lo ' -e '^gone' | cut -d@ -f1 | sort | xargs`);
  /** How many there are, those on their way out included, when that many are to be left. */
  const count = (sandbox: string, left: number): Promise<number> =>
    eventually(async () => Number(await host.sh(`ip -n ${sandbox} -br link | grep -cv '^lo ' || :`)), (found) => found === left);

  /** Waits until a process is in a namespace of its own. */
  const apart = async ({ innerPid }: Background, on: PrivateHost = host): Promise<void> =>
    void (await on.sh(`until [ "$(readlink /proc/${String(innerPid)}/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done`));

  before(async () => {
    host = await PrivateHost.start();
    await start();
    for (const name of ['a', 'b', 'c']) await netctl.ok('sandbox', 'create', name);
    clean = await host.snapshot();
  });

  after(() => host[Symbol.asyncDispose]());

  afterEach(async () => {
    for (const { id } of await links()) await netctl.ok('link', 'rm', id);
    for (const name of ['a', 'b', 'c']) assert.equal(await count(name, 0), 0);
    assert.deepEqual(difference(clean, await host.snapshot(), MARKS), []);
  });

  it('carries packets: addresses without a network, /31, /30, both families', async () => {
    await netctl.ok('link', 'a', 'b', '--ip', 'a=10.1.1.1', '--ip', 'b=10.1.1.2', '--ip', 'a=2001:db8::a', '--ip', 'b=2001:db8:1::b');
    await netctl.ok('link', 'a', 'b', '--ip', 'a=10.2.0.0/31', '--ip', 'b=10.2.0.1/31', '--ip', 'a=fd00:2::/127', '--ip', 'b=fd00:2::1/127');
    await netctl.ok('link', 'b', 'c', '--ip', 'b=10.3.0.1/30', '--ip', 'c=10.3.0.2/30');
    for (const address of ['10.1.1.2', '2001:db8:1::b', '10.2.0.1', 'fd00:2::1']) await pings('a', address);
    await pings('c', '10.3.0.1');
    // Nothing leads from one link to the next but what the sandbox in between does.
    assert.equal((await host.exec(['ip', 'netns', 'exec', 'a', 'ping', '-c', '1', '-W', '1', '10.3.0.2'], { allowFail: true })).code, 2);
    assert.match(await host.sh('ip -n a route show dev eth0'), /^10\.1\.1\.2 scope link *$/);
    assert.equal(await interfaces('a'), 'eth0 eth1');
    // No bridge, and nothing in the host's own namespace.
    assert.deepEqual(difference(clean, await host.snapshot(), MARKS).filter((line) => !/^(?:links|routes): \+ [abc]: /.test(line)), []);
  });

  it('several links between the same two share one address: unnumbered, as routers do', async () => {
    for (const name of ['one', 'two']) await netctl.ok('link', 'a', 'b', '--name', name, '--ip', 'a=192.0.2.1', '--ip', 'b=192.0.2.2');
    assert.deepEqual((await links()).map(({ name, ends }) => [name, ...ends.map((end) => end.interface)]), [
      ['one', 'eth0', 'eth0'],
      ['two', 'eth1', 'eth1'],
    ]);
    await pings('a', '192.0.2.2', '-I', 'eth0');
    assert.doesNotMatch(await netctl.ok('doctor'), /^error/m);
    await netctl.ok('link', 'rm', 'one');
    await pings('a', '192.0.2.2', '-I', 'eth1');
    await netctl.ok('link', 'a', 'b', '--name', 'three', '--ip', 'a=192.0.2.1', '--ip', 'b=192.0.2.2');
    await pings('a', '192.0.2.2', '-I', 'eth0');
  });

  it('takes interface names, MAC addresses, MTU and a name, and says them again', async () => {
    const id = await netctl.ok('link', '--mtu', '9000', 'a:core0', 'b', '--name', 'backup', '--mac', 'a=02:00:00:00:00:0a', '--ip', 'a=10.0.0.1/24', '--ip', 'b=10.0.0.2/24');
    const [link] = await links();
    assert.deepEqual([link?.id, link?.name, link?.mtu], [id, 'backup', 9000]);
    assert.deepEqual(link?.ends[0], { sandbox: 'a', namespace: '/run/netns/a', interface: 'core0', mac: '02:00:00:00:00:0a', addresses: ['10.0.0.1/24'] });
    assert.match(await host.sh('ip -n a link show core0'), /mtu 9000 [^]* link\/ether 02:00:00:00:00:0a /);
    await pings('a', '10.0.0.2', '-M', 'do', '-s', '8972');
    assert.match(await netctl.ok('link', 'ls'), /^[0-9a-f]{12} +backup +a:core0 10\.0\.0\.1\/24 +b:eth0 10\.0\.0\.2\/24 +9000$/m);
    assert.match(await netctl.ok('link', 'inspect', '--format', 'table', 'backup'), /^Ends: +a:core0 10\.0\.0\.1\/24 02:00:00:00:00:0a in \/run\/netns\/a$/m);
    assert.equal(await netctl.ok('link', 'ls', '-q', '--sandbox', 'c'), '');
    assert.equal(await netctl.ok('link', 'ls', '-q', '--no-trunc', '--sandbox', 'b'), id);
  });

  it('without addresses it is up: link-local addresses work at once', async () => {
    await netctl.ok('link', 'a', 'b');
    const address = await host.sh("ip -n b -6 -br addr show dev eth0 | tr -s ' ' | cut -d' ' -f3 | cut -d/ -f1");
    await pings('a', `${address}%eth0`);
  });

  it('keeps out of the way of networks, and they of it', async () => {
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'blue');
    await netctl.ok('link', 'a', 'b', '--ip', 'a=10.0.0.1/24', '--ip', 'b=10.0.0.2/24');
    await netctl.ok('network', 'connect', 'blue', 'a');
    await netctl.ok('link', 'a', 'c');
    assert.equal(await interfaces('a'), 'eth0 eth1 eth2');
    await pings('a', '10.9.0.1');
    await pings('a', '10.0.0.2');
    await netctl.ok('network', 'disconnect', 'blue', 'a');
    await pings('a', '10.0.0.2');
    await netctl.ok('network', 'rm', 'blue');
  });

  it('joins a sandbox to a process, and goes with it', async () => {
    await using process = await host.spawn(['unshare', '-n', 'sleep', '1000']);
    const end = `pid:${String(process.innerPid)}`;
    await apart(process);
    await netctl.ok('link', 'a', end, '--ip', 'a=10.4.0.0/31', '--ip', `${end}=10.4.0.1/31`);
    assert.match(await netctl.ok('link', 'ls'), new RegExp(`a-pid${String(process.innerPid)} +a:eth0 10\\.4\\.0\\.0/31 +${end}:eth0 10\\.4\\.0\\.1/31`));
    await pings('a', '10.4.0.1');
    assert.equal(await host.sh(`nsenter -n -t ${String(process.innerPid)} ping -c 1 -W 1 10.4.0.0 | grep -c ' 0% packet loss'`), '1');
    await process.kill('SIGKILL');
    assert.equal(await count('a', 0), 0);
    assert.match(await netctl.ok('doctor', '--fix'), /^link 'a-pid\d+' removed: namespace \/proc\/\d+\/ns\/net is gone$/m);
    assert.deepEqual(await links(), []);
  });

  it('a pid that is in a sandbox means the sandbox', async () => {
    await using inside = await netctl.start(['exec', 'b', '--', 'sleep', '1000']);
    await host.sh(`until grep -q '^sleep' /proc/${String(inside.innerPid)}/comm; do :; done`);
    await netctl.ok('link', 'a', `pid:${String(inside.innerPid)}`);
    assert.deepEqual((await links())[0]?.ends.map(({ sandbox }) => sandbox), ['a', 'b']);
    const { stderr } = await netctl.run(['link', 'b', `pid:${String(inside.innerPid)}`]);
    assert.match(stderr, /both ends of the link are in 'b': a link joins two sandboxes/);
  });

  for (const running of [false, true]) {
    it(`goes with either sandbox${running ? ', also while a program lives on in it' : ''}`, async () => {
      for (const leaving of ['x', 'y']) {
        for (const name of ['x', 'y']) await netctl.ok('sandbox', 'create', name);
        await using program = running ? await host.spawn(['ip', 'netns', 'exec', leaving, 'sleep', '1000']) : undefined;
        if (program !== undefined) await host.sh(`until grep -q '^sleep' /proc/${String(program.innerPid)}/comm; do :; done`);
        await netctl.ok('link', 'x', 'y');
        await netctl.ok('link', 'y', 'x');
        const staying = leaving === 'x' ? 'y' : 'x';
        await netctl.ok('sandbox', 'rm', leaving);
        assert.deepEqual(await links(), []);
        assert.equal(await interfaces(staying), '');
        assert.equal(await count(staying, 0), 0);
        await netctl.ok('sandbox', 'rm', staying);
      }
    });
  }

  it('is repaired: links, addresses, routes, names, an end that was carried off, a namespace that was deleted', async () => {
    const name = await netctl.ok('link', 'a', 'b', '--ip', 'a=10.1.1.1', '--ip', 'b=10.1.1.2');
    const before = await host.sh('ip -n a -br link show eth0 | tr -s " " | cut -d" " -f3');
    for (const damage of [
      'ip -n a link del eth0',
      'ip -n b link set eth0 down',
      'ip -n b addr flush dev eth0',
      'ip -n a route del 10.1.1.2',
      'ip -n b link set eth0 down; ip -n b link set eth0 name other',
      'ip -n a link set eth0 netns c; ip -n c link set eth0 up',
      'ip netns del a',
    ]) {
      await host.sh(damage);
      assert.notEqual(await netctl.ok('doctor', '--fix'), '', damage);
      await pings('a', '10.1.1.2');
      assert.equal(await host.sh('ip -n a -br link show eth0 | tr -s " " | cut -d" " -f3'), before, damage);
      assert.doesNotMatch(await netctl.ok('doctor'), /^(error|warning)/m, damage);
    }
    await netctl.ok('link', 'rm', name);
    assert.equal(await count('a', 0), 0);
    // Its namespace is another one than at the beginning.
    clean = await host.snapshot();
  });

  it('a sandbox of netctl run takes its links along', async () => {
    await using running = await netctl.start(['run', '--name', 'guest', '--', 'sh', '-c', 'echo up; read line']);
    await running.waitFor(/up/);
    await netctl.ok('link', 'guest', 'a', '--ip', 'guest=10.5.0.0/31', '--ip', 'a=10.5.0.1/31');
    await pings('guest', '10.5.0.1');
    running.write('\n');
    await running.ended;
    assert.deepEqual(await links(), []);
  });

  it('survives the daemon, however it ends, and says what it would do', async () => {
    await netctl.ok('link', 'a', 'b', '--ip', 'a=10.1.1.1', '--ip', 'b=10.1.1.2');
    const [before] = await links();
    for (const how of ['SIGTERM', 'SIGKILL'] as const) {
      await using flow = await host.spawn(['ip', 'netns', 'exec', 'a', 'ping', '-i', '0.05', '10.1.1.2']);
      await flow.waitFor(/icmp_seq=2/);
      await daemon.kill(how);
      await start();
      assert.deepEqual((await links())[0], before);
      await flow.waitFor(/icmp_seq=20/);
      // None was lost: the numbers follow each other.
      const numbers = [...flow.output.matchAll(/icmp_seq=(\d+)/g)].map(([, number]) => Number(number));
      assert.deepEqual(numbers.slice(0, 20), Array.from({ length: 20 }, (_, index) => index + 1));
    }
    const state = await host.snapshot();
    const said = await netctl.ok('--explain', 'link', 'b', 'c', '--ip', 'b=10.6.0.0/31', '--ip', 'c=10.6.0.1/31');
    assert.match(said, /^ip -n b link add name eth1 .* type veth peer name eth0 .* netns c/m);
    assert.match(await netctl.ok('--explain', 'link', 'rm', 'a-b'), /ip -n a link set dev eth0 down/);
    assert.deepEqual(difference(state, await host.snapshot(), MARKS), []);
  });

  it('is whole or not there after a kill -9 at any instant', async function () {
    for (let delay = 0; delay < 8; delay += 1) {
      await netctl.ok('link', 'a', 'b', '--name', 'old');
      const commands = [netctl.run(['link', 'a', 'c', '--name', 'new', '--no-autostart', '--ip', 'a=10.7.0.0/31', '--ip', 'c=10.7.0.1/31']), netctl.run(['link', 'rm', 'old', '--no-autostart'])];
      // Commands take their time to start: the daemon is killed around the instant at which they arrive.
      await new Promise((resolve) => setTimeout(resolve, 150 + delay * 20));
      await daemon.kill('SIGKILL');
      const [made, removed] = await Promise.all(commands);
      await start();
      const names = (await links()).map(({ name }) => name);
      if (made?.code === 0) assert.ok(names.includes('new'), 'what was acknowledged is there');
      if (removed?.code === 0) assert.ok(!names.includes('old'), 'what was acknowledged is gone');
      for (const [sandbox, left] of [['a', names.length], ['b', Number(names.includes('old'))], ['c', Number(names.includes('new'))]] as const) {
        assert.equal(await count(sandbox, left), left, `${sandbox}, ${String(delay)}`);
      }
      if (names.includes('new')) await pings('a', '10.7.0.1');
      for (const name of names) await netctl.ok('link', 'rm', name);
    }
  });

  it('finishes what a kill left half made, and sweeps away what was half removed', async () => {
    await netctl.ok('link', 'a', 'b', '--ip', 'a=10.1.1.1', '--ip', 'b=10.1.1.2');
    await daemon.kill('SIGKILL');
    await host.sh('ip -n a link set eth0 alias ""; ip -n b link set eth0 alias ""; ip -n b addr flush dev eth0; ip -n b link set eth0 down');
    await start();
    await pings('a', '10.1.1.2');
    assert.match(await host.sh('ip -n b link show eth0'), /alias netctl:[0-9a-f]{8}:[0-9a-f]{12}$/m);
  });

  it('comes back with its sandboxes when the machine does', async () => {
    const machine = await PrivateHost.start();
    try {
      const before = new Netctl(machine);
      await before.daemon(['--docker-plugins', 'none']);
      for (const name of ['a', 'b']) await before.ok('sandbox', 'create', name);
      await using process = await machine.spawn(['unshare', '-n', 'sleep', '1000']);
      await before.ok('link', 'a', 'b', '--ip', 'a=10.1.1.1', '--ip', 'b=10.1.1.2');
      await apart(process, machine);
      await before.ok('link', 'a', `pid:${String(process.innerPid)}`);
      const listed = await before.json<ListedLink[]>('link', 'ls');
      const again = await machine.reboot();
      const after = new Netctl(again);
      await after.daemon(['--docker-plugins', 'none']);
      assert.deepEqual(await after.json<ListedLink[]>('link', 'ls'), listed.slice(0, 1));
      assert.match(await again.sh('ip netns exec a ping -c 1 -W 1 10.1.1.2'), / 0% packet loss/);
      assert.match(await again.sh('ip -n a link show eth0'), new RegExp(listed[0]?.ends[0]?.mac ?? ''));
    } finally {
      await machine[Symbol.asyncDispose]();
    }
  });

  const REFUSED: readonly (readonly [code: number, words: readonly string[], says: RegExp])[] = [
    [2, ['link', 'a'], /missing required argument/],
    [2, ['link', 'a', 'b', 'c'], /too many arguments/],
    [2, ['link', 'a', 'a'], /both ends of the link are 'a': a link joins two sandboxes/],
    [1, ['link', 'a', 'nope'], /no such sandbox 'nope': 'netctl sandbox ls' lists/],
    [2, ['link', 'a', 'b:'], /end of a link 'b:' must be SANDBOX, pid:PID or container:NAME, and :INTERFACE/],
    [2, ['link', 'a', 'b:x:y'], /end of a link 'b:x:y' must be/],
    [2, ['link', 'a', 'pid:zero'], /behind pid: goes the number of a process/],
    [2, ['link', 'a', 'pid:4000000'], /'\/proc\/4000000\/ns\/net' is no network namespace/],
    [2, ['link', 'a', 'pid:1'], /'\/proc\/1\/ns\/net' is the host's own network namespace: a sandbox needs one of its own/],
    [1, ['link', 'a', 'container:web'], /no such container 'web': 'docker ps' lists what there is, if an engine runs/],
    [2, ['link', 'a:sixteencharacter', 'b'], /interface name 'sixteencharacter' is not allowed: use 1 to 15/],
    [1, ['link', 'a:lo', 'b'], /'a' has an interface 'lo' already/],
    [2, ['link', 'a', 'b', '--ip', '10.0.0.1'], /--ip '10\.0\.0\.1' must say for which end it is: a=… or b=…/],
    [2, ['link', 'a', 'b', '--ip', 'c=10.0.0.1'], /--ip 'c=10\.0\.0\.1' must say for which end/],
    [2, ['link', 'a', 'b', '--ip', 'a=10.0.0.256'], /'10\.0\.0\.256' is not an IP address/],
    [2, ['link', 'a', 'b', '--ip', 'a=10.0.0.1/33'], /'10\.0\.0\.1\/33'.*0 to 32/],
    [2, ['link', 'a', 'b', '--ip', 'a=10.0.0.0/30'], /'10\.0\.0\.0\/30' of a link is the network address of its subnet/],
    [2, ['link', 'a', 'b', '--ip', 'a=10.0.0.3/30'], /is the broadcast address of its subnet: take one in between, or a \/31/],
    [2, ['link', 'a', 'b', '--ip', 'a=10.0.0.1', '--ip', 'b=10.0.0.1'], /'10\.0\.0\.1' of a link is given twice/],
    [2, ['link', 'a', 'b', '--ip', 'a=0.0.0.0'], /is the address of no host/],
    [2, ['link', 'a', 'b', '--ip', 'a=224.0.0.5'], /is the address of no host/],
    [2, ['link', 'a', 'b', '--ip', 'a=127.0.0.2'], /means every host itself/],
    [2, ['link', 'a', 'b', '--ip', 'a=fe80::1/64'], /is link-local, and the interface has one of those by itself/],
    [2, ['link', 'a', 'b', '--mac', 'a=01:00:00:00:00:00'], /multicast/],
    [2, ['link', 'a', 'b', '--mtu', '67'], /MTU 67 of a link: must be 68 to 65535 bytes/],
    [2, ['link', 'a', 'b', '--mtu', '1279', '--ip', 'a=fd00::1'], /MTU 1279 of a link with IPv6 addresses: must be 1280 to 65535/],
    [2, ['link', 'a', 'b', '--mtu', 'big'], /--mtu 'big' must be a whole number/],
    [2, ['link', 'a', 'b', '--name', 'a/b'], /link name 'a\/b' is not allowed/],
    [1, ['link', 'rm', 'nope'], /no such link 'nope': 'netctl link ls' lists/],
    [1, ['link', 'ls', '--sandbox', 'nope'], /no such sandbox 'nope'/],
    [2, ['--explain', 'link', 'ls'], /--explain: 'netctl link ls' changes nothing/],
  ];

  for (const [code, words, says] of REFUSED) {
    it(`refuses ${words.join(' ')}`, async () => {
      const refused = await netctl.run(words);
      assert.match(refused.stderr, says);
      assert.equal(refused.stderr.trimEnd().split('\n').length, 1);
      assert.equal(refused.code, code);
      assert.deepEqual(await links(), []);
    });
  }
});
