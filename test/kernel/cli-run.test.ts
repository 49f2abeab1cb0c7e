import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { Background } from '../support/background.ts';
import { PrivateHost } from '../support/host.ts';
import { difference, type MachineState } from '../support/machine-state.ts';
import { Netctl, NETCTL } from '../support/netctl.ts';

describe('netctl run and exec', () => {
  let host: PrivateHost;
  let netctl: Netctl;
  let daemon: Background;
  let clean: MachineState;

  before(async () => {
    host = await PrivateHost.start();
    netctl = new Netctl(host);
    daemon = await netctl.daemon(['--docker-plugins', 'none']);
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'blue');
    await netctl.ok('sandbox', 'create', '--network', 'blue', 'web');
    clean = await host.snapshot();
  });

  after(() => host[Symbol.asyncDispose]());

  /** Resolves when the sandbox and everything of it is gone. */
  const gone = async (name: string): Promise<void> => {
    await host.sh(`until ! ip netns list | grep -q '^${name}'; do :; done`);
    await netctl.ok('network', 'prune'); // flushes what waits to be deleted; blue is in use
  };

  it('exec passes exit code, arguments, input, output and environment through', async () => {
    assert.equal((await netctl.run(['exec', 'web', '--', 'sh', '-c', 'exit 7'])).code, 7);
    assert.equal(await netctl.ok('exec', 'web', '--', 'printf', '%s|', 'a b', '--', '$x', ''), 'a b|--|$x||');
    const { stdout } = await netctl.run(['exec', 'web', '--', 'tr', 'a-z', 'A-Z'], { input: 'hello\n'.repeat(20_000), env: { LC_ALL: 'C' } });
    assert.equal(stdout, 'HELLO\n'.repeat(20_000));
    assert.equal((await netctl.run(['exec', 'web', '--', 'sh', '-c', 'echo $SHOP >&2'], { env: { SHOP: 'open' } })).stderr, 'open\n');
  });

  it('exec needs no -- where the program comes right after the sandbox', async () => {
    assert.match(await netctl.ok('exec', 'web', 'ip', '-4', '-br', 'addr', 'show', 'eth0'), /10\.9\.0\.2\/24/);
  });

  it('exec becomes the program: same process, default signals, no descriptor of ours', async () => {
    await using sleeping = await netctl.start(['exec', 'web', '--', 'sleep', '30']);
    await host.sh(`until grep -q '^sleep' /proc/${String(sleeping.innerPid)}/comm; do :; done`);
    const status = await readFile(`/proc/${String(sleeping.pid)}/status`, 'utf8');
    assert.match(status, /^SigIgn:\t0+$/m);
    assert.match(status, /^SigBlk:\t0+$/m);
    await using plain = await host.spawn(['sleep', '30']);
    const open = async (pid: number): Promise<string[]> => (await host.sh(`ls /proc/${String(pid)}/fd`)).split('\n');
    const inherited = new Set(await open(plain.innerPid));
    assert.deepEqual((await open(sleeping.innerPid)).filter((descriptor) => !inherited.has(descriptor)), []);
    assert.deepEqual(await sleeping.kill('SIGTERM'), { code: undefined, signal: 'SIGTERM' });
  });

  it('exec leaves no trace in a pipeline: the reader may go first, and what it writes arrives', async () => {
    const netctlWords = NETCTL.join(' ');
    assert.equal(await host.sh(`${netctlWords} exec web -- yes | head -n 1; ${netctlWords} exec web -- seq 30000 | tail -n 1`), 'y\n30000');
  });

  it('help ends without a word in a pipe that nobody reads', async () => {
    const netctlWords = NETCTL.join(' ');
    const unread = 'mkfifo /run/unread; exec 3<>/run/unread 4>/run/unread 3<&-; rm /run/unread';
    assert.equal(await host.sh(`${unread}; ${netctlWords} --help >&4 2>&1 || echo $?; ${netctlWords} network ls --help 2>&1 >&4 || echo $?`), '141\n141');
  });

  it('exec says 125 where the namespace is gone', async () => {
    await using process = await host.spawn(['unshare', '-n', 'sleep', '60']);
    await netctl.ok('sandbox', 'adopt', '--pid', String(process.innerPid), 'gone');
    await process.kill('SIGKILL');
    const { code, stderr } = await netctl.run(['exec', 'gone', '--', 'true']);
    assert.equal(code, 125);
    assert.match(stderr, /^netctl: namespace '\/proc\/\d+\/ns\/net' of sandbox 'gone' is gone/);
    await netctl.ok('sandbox', 'rm', 'gone');
  });

  it('exec shows the files of /etc/netns', async () => {
    const shown = (): Promise<string> => netctl.ok('exec', 'web', '--', 'cat', '/etc/resolv.conf');
    assert.match(await shown(), /^nameserver 127\.0\.0\.11$/m);
    // What somebody else makes of them counts.
    await host.sh('echo nameserver 192.0.2.53 >/etc/netns/web/resolv.conf');
    assert.equal(await shown(), 'nameserver 192.0.2.53');
    await host.sh('rm /etc/netns/web/resolv.conf');
    await netctl.ok('doctor', '--fix');
    assert.match(await shown(), /^nameserver 127\.0\.0\.11$/m);
  });

  it('run makes a sandbox, runs the program in it and removes it', async () => {
    const said = await netctl.ok('run', '--network', 'blue,ip=10.9.0.40', '--name', 'once', '--', 'sh', '-c', 'ip netns identify; ip -4 -br addr show eth0');
    assert.match(said, /^once\neth0@\S+ +UP +10\.9\.0\.40\/24/);
    assert.equal((await netctl.run(['run', '--network', 'blue', '--', 'sh', '-c', 'exit 7'])).code, 7);
    assert.equal((await netctl.run(['run', '--network', 'blue', '--', 'sh', '-c', 'kill -TERM $$'])).code, 143);
    assert.match(await netctl.ok('run', '--', 'ip', 'netns', 'identify'), /^[a-z]+_[a-z]+_[0-9a-f]{4}$/);
    await netctl.ok('network', 'prune');
    assert.deepEqual(difference(clean, await host.snapshot()), []);
  });

  it('run needs no -- where the program comes behind the options', async () => {
    assert.match(await netctl.ok('run', '--network', 'blue', 'ip', '-4', '-br', 'addr', 'show', 'eth0'), / 10\.9\.0\.\d+\/24/);
    assert.equal((await netctl.run(['run', 'sh', '-c', 'exit 9'])).code, 9);
  });

  it('run publishes ports while the program runs, and not after', async () => {
    await using server = await netctl.start(['run', '--network', 'blue', '-p', '8080:80', '--name', 'shop', '--', 'python3', '-u', '-m', 'http.server', '80']);
    await server.waitFor(/Serving HTTP/);
    assert.equal(await host.outside.canReach(host.address4, 8080), true);
    assert.match(await netctl.ok('ps'), /shop +run +blue .*0\.0\.0\.0:8080->80\/tcp/);
    assert.deepEqual(await server.kill('SIGTERM'), { code: 143, signal: undefined });
    assert.equal(await host.outside.canReach(host.address4, 8080), false);
    await netctl.ok('network', 'prune');
    assert.deepEqual(difference(clean, await host.snapshot()), []);
  });

  for (const signal of ['SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const) {
    it(`run passes ${signal} on`, async () => {
      const name = signal.slice(3);
      await using running = await netctl.start(['run', '--', 'sh', '-c', `trap 'echo got ${name}; exit 5' ${name}; echo up; while :; do sleep 0.01; done`]);
      await running.waitFor(/up/);
      await running.kill(signal);
      await running.waitFor(new RegExp(`got ${name}`));
      assert.deepEqual(await running.ended, { code: 5, signal: undefined });
    });
  }

  it('run cleans up when it is killed by SIGKILL, and takes the program along', async () => {
    const running = await netctl.start(['run', '--network', 'blue', '--name', 'victim', '--', 'sh', '-c', 'echo "pid $$"; exec sleep 1000']);
    const [, pid = ''] = await running.waitFor(/pid (\d+)/);
    await running.kill('SIGKILL');
    await gone('victim');
    await host.sh(`until [ ! -e /proc/${pid} ]; do :; done`);
    assert.deepEqual(difference(clean, await host.snapshot()), []);
  });

  describe('what a program leaves running in its sandbox', () => {
    const LEAVE = 'trap "" HUP TERM INT; sleep 1000 & (exec unshare -n sleep 1000 >/dev/null 2>&1 </dev/null) & echo "left $! end"';
    /** Ids of the processes that `sleep 1000` there, in the host's words. */
    const sleeping = (): Promise<string> => host.sh('for p in /proc/[0-9]*; do [ "$(tr "\\0" " " <$p/cmdline 2>/dev/null)" != "sleep 1000 " ] || echo $(ip netns identify ${p#/proc/})-; done | sort | xargs');
    let others: Background[];

    beforeEach(async () => {
      // One in the host's namespace, one in another sandbox.
      others = [await host.spawn(['sleep', '1000']), await host.spawn(['ip', 'netns', 'exec', 'web', 'sleep', '1000'])];
      await host.sh('until [ "$(pgrep -fxc "sleep 1000")" = 2 ]; do :; done');
    });

    afterEach(async () => {
      for (const other of others) await other.kill('SIGKILL');
      await host.sh('for p in $(pgrep -fx "sleep 1000"); do kill -9 $p; done; while pgrep -fx "sleep 1000" >/dev/null; do :; done');
    });

    it('is killed when the program ends, and nothing else', async () => {
      await using beside = await netctl.start(['run', '--name', 'beside', '--', 'sh', '-c', 'echo up; exec sleep 1000']);
      await beside.waitFor(/up/);
      assert.equal((await netctl.run(['run', '--network', 'blue', '--name', 'leaver', '--', 'sh', '-c', `${LEAVE}; until [ "$(ip netns pids leaver | wc -l)" -ge 2 ] && [ "$(pgrep -fxc "sleep 1000")" = 5 ]; do :; done; exit 6`])).code, 6);
      // The fourth has gone to a namespace of its own.
      assert.equal(await sleeping(), '- - beside- web-');
      await beside.kill('SIGTERM');
      assert.deepEqual(difference(clean, await host.snapshot(), ['namespaces', 'links', 'mounts']), []);
    });

    it('is killed with what exec has started there, when run is killed by SIGKILL', async () => {
      const running = await netctl.start(['run', '--name', 'leaver', '--', 'sh', '-c', 'sleep 1000 & echo up; wait']);
      await running.waitFor(/up/);
      await using visitor = await netctl.start(['exec', 'leaver', '--', 'sleep', '1000']);
      await host.sh('until [ "$(pgrep -fxc "sleep 1000")" = 4 ]; do :; done');
      await running.kill('SIGKILL');
      await gone('leaver');
      assert.equal((await visitor.ended).signal, 'SIGKILL');
      assert.equal(await sleeping(), '- web-');
    });

    it('is killed when the daemon is back, where it was away', async () => {
      const running = await netctl.start(['run', '--name', 'leaver', '--', 'sh', '-c', 'sleep 1000 & echo up; read line']);
      await running.waitFor(/up/);
      await daemon.kill('SIGKILL');
      running.write('\n');
      await running.ended;
      assert.equal(await sleeping(), '- leaver- web-');
      daemon = await netctl.daemon(['--docker-plugins', 'none']);
      assert.equal(await sleeping(), '- web-');
    });

    it('is killed with all that it starts meanwhile', async () => {
      const busy = 'for n in 1 2 3 4; do (while :; do sh -c "sleep 0.00$n & true"; done) & done; sleep 0.3';
      assert.equal((await netctl.run(['run', '--name', 'leaver', '--', 'bash', '-c', busy])).code, 0);
      assert.equal(await host.sh('pgrep -fc "sleep 0[.]00" || :'), '0');
    });

    it('lives on when the sandbox is removed by name', async () => {
      await netctl.ok('sandbox', 'create', 'lasting');
      others.push(await host.spawn(['ip', 'netns', 'exec', 'lasting', 'sleep', '1000']));
      await host.sh('until [ "$(pgrep -fxc "sleep 1000")" = 3 ]; do :; done');
      await netctl.ok('sandbox', 'rm', 'lasting');
      assert.equal(await sleeping(), '- - web-');
      assert.match(await netctl.ok('sandbox', 'rm', '--help'), /Programs that run in it go on/);
    });
  });

  it('run goes on when the daemon is restarted, and cleans up afterwards', async () => {
    for (const how of ['SIGTERM', 'SIGKILL'] as const) {
      await using running = await netctl.start(['run', '--network', 'blue', '--name', 'lasting', '--', 'sh', '-c', 'echo up; read line; exit 3']);
      await running.waitFor(/up/);
      await daemon.kill(how);
      daemon = await netctl.daemon(['--docker-plugins', 'none']);
      assert.match(await netctl.ok('sandbox', 'ls'), /lasting +run/);
      running.write('\n');
      assert.deepEqual(await running.ended, { code: 3, signal: undefined });
      assert.doesNotMatch(await netctl.ok('sandbox', 'ls'), /lasting/);
    }
  });

  it('the lease is taken up again by a daemon that came back: SIGKILL of run is noticed', async () => {
    const running = await netctl.start(['run', '--network', 'blue', '--name', 'again', '--', 'sh', '-c', 'echo up; exec sleep 1000']);
    await running.waitFor(/up/);
    await daemon.kill('SIGKILL');
    daemon = await netctl.daemon(['--docker-plugins', 'none']);
    await host.sh(`until ss -xH state established | grep -q netctl.sock; do :; done`);
    await running.kill('SIGKILL');
    await gone('again');
  });

  it('what ended while the daemon was away is gone when it is back', async () => {
    const running = await netctl.start(['run', '--network', 'blue', '--name', 'orphan', '--', 'sh', '-c', 'echo up; read line']);
    await running.waitFor(/up/);
    await daemon.kill('SIGKILL');
    running.write('\n');
    assert.equal((await running.ended).code, 0);
    assert.match(running.output, /the sandbox goes when the daemon is back/);
    daemon = await netctl.daemon(['--docker-plugins', 'none']);
    await gone('orphan');
    assert.doesNotMatch(await netctl.ok('sandbox', 'ls'), /orphan/);
    await netctl.ok('network', 'prune');
    assert.deepEqual(difference(clean, await host.snapshot()), []);
  });

  it('a program is ended with its sandbox removed under it', async () => {
    await using running = await netctl.start(['run', '--name', 'pulled', '--', 'sh', '-c', 'echo up; read line; exit 4']);
    await running.waitFor(/up/);
    await netctl.ok('sandbox', 'rm', 'pulled');
    running.write('\n');
    assert.deepEqual(await running.ended, { code: 4, signal: undefined });
    assert.equal(running.output, 'up\n');
  });

  it('Ctrl-C reaches the program once', async () => {
    // script(1) gives it a terminal of its own; byte 3 is what the key sends. python handles each signal at once, where a shell would take two for one.
    await host.sh('cat >/run/count.py', {
      input: `import signal, time
signal.signal(signal.SIGINT, lambda *_: print('got', flush=True))
print('up', flush=True)
until = time.time() + 0.7
while time.time() < until: time.sleep(0.05)
print('end', flush=True)`,
    });
    const command = [...NETCTL, 'run', '--', 'python3', '/run/count.py'].join(' ');
    await using terminal = await host.spawn(['script', '-qec', command, '/dev/null']);
    await terminal.waitFor(/up/);
    terminal.write('\u0003');
    await terminal.waitFor(/end/);
    assert.equal(terminal.output.split('got').length, 2);
  });
});
