import assert from 'node:assert/strict';
import { PrivateHost } from '../support/host.ts';
import { difference } from '../support/machine-state.ts';
import { Netctl, NETCTL } from '../support/netctl.ts';

describe('netctl daemon', () => {
  let host: PrivateHost;
  let netctl: Netctl;

  beforeEach(async () => {
    host = await PrivateHost.start();
    netctl = new Netctl(host);
  });

  afterEach(() => host[Symbol.asyncDispose]());

  it('is started by the first command, which says so, and serves the next ones', async () => {
    const first = await netctl.run(['network', 'create', '--subnet', '10.9.0.0/24', 'blue']);
    assert.equal(first.code, 0);
    assert.equal(first.stderr, 'netctl: no daemon on /run/netctl/netctl.sock: starting one, its log is /run/netctl/daemon.log\n');
    assert.match(await netctl.ok('network', 'ls'), /blue/);
    assert.match(await host.sh('cat /run/netctl/daemon.log'), /^INFO network create blue /m);
    assert.equal(await host.sh('stat -c "%a %F" /run/netctl /run/netctl/netctl.sock'), '700 directory\n600 socket');
    // It is nobody's child: its own session, no terminal, no folder of the caller.
    const { daemon } = await netctl.json<{ daemon: { pid: number } }>('version');
    assert.equal(await host.sh(`ps -o sid= -p ${String(daemon.pid)} | tr -d ' '; readlink /proc/${String(daemon.pid)}/cwd`), `${String(daemon.pid)}\n/`);
  });

  it('is one, also when many commands start it at once', async () => {
    const results = await Promise.all(['a', 'b', 'c', 'd'].map((name) => netctl.run(['sandbox', 'create', name])));
    assert.deepEqual(results.map(({ code }) => code), [0, 0, 0, 0], results.map(({ stderr }) => stderr).join(''));
    assert.equal((await netctl.ok('sandbox', 'ls', '-q')).split('\n').length, 4);
  });

  it('is not started with --no-autostart, before or after the command, nor for version', async () => {
    for (const words of [['--no-autostart', 'network', 'ls'], ['network', '--no-autostart', 'ls'], ['network', 'ls', '--no-autostart']]) {
      const { code, stderr } = await netctl.run(words);
      assert.deepEqual([code, stderr], [1, "netctl: no daemon listens on '/run/netctl/netctl.sock': start one with 'netctl daemon'\n"]);
    }
    assert.match(await netctl.ok('version'), /daemon: no daemon listens/);
    assert.equal((await netctl.run(['exec', '--no-autostart', 'web', '--', 'true'])).code, 125);
  });

  describe('where the service is installed', () => {
    const UNITS = '/etc/systemd/system';
    const says = "netctl: no daemon listens on '/run/netctl/netctl.sock': the service netctl is installed and does not run, start it with 'systemctl start netctl'\n";
    let path: string;

    /** A service manager that knows one state. */
    const manager = (state: string): Promise<string> => host.sh(`printf '#!/bin/sh\necho ${state}\n' >/run/bin/systemctl; chmod +x /run/bin/systemctl`);
    const type = (words: readonly string[]): ReturnType<Netctl['run']> => netctl.run(words, { env: { PATH: path } });

    beforeEach(async () => {
      path = `/run/bin:${process.env['PATH'] ?? ''}`;
      await host.sh(`mkdir -p ${UNITS} /run/systemd/system /run/bin; touch ${UNITS}/netctl.service`);
      await manager('inactive');
    });

    it('is not started beside it: its state is the same', async () => {
      for (const state of ['inactive', 'failed']) {
        await manager(state);
        const { code, stderr } = await type(['network', 'ls']);
        assert.deepEqual([code, stderr], [1, says]);
      }
      assert.equal(await host.sh('ls /run/netctl 2>/dev/null || :'), '');
      assert.deepEqual((await type(['run', '--', 'true'])).code, 125);
    });

    it('is waited for while it starts', async () => {
      await manager('activating');
      const waiting = type(['sandbox', 'ls', '-q']);
      await using daemon = await netctl.daemon(['--docker-plugins', 'none']);
      const { code, stdout, stderr } = await waiting;
      assert.deepEqual([code, stdout, stderr], [0, '', '']);
      assert.ok(daemon.running);
    });

    it('is started in another folder, and where no systemd runs', async () => {
      const elsewhere = await type(['--run-dir', '/run/lab', 'network', 'ls']);
      assert.match(elsewhere.stderr, /^netctl: no daemon on \/run\/lab\/netctl\.sock: starting one, its log is .*\n$/);
      assert.equal(elsewhere.code, 0);
      const { daemon } = await netctl.json<{ daemon: { pid: number } }>('version', '--run-dir', '/run/lab');
      await host.sh(`kill ${String(daemon.pid)}; while [ -e /run/lab/netctl.sock ]; do :; done; rm -r /run/systemd`);
      assert.equal((await type(['network', 'ls'])).code, 0);
    });
  });

  it('says why it did not start', async () => {
    await host.sh('echo this is no database >/var/lib/netctl/state.sqlite');
    const { code, stderr } = await netctl.run(['network', 'ls']);
    assert.equal(code, 1);
    assert.match(stderr, /\nnetctl: the daemon did not start: .*\/var\/lib\/netctl\/state\.sqlite.*\n$/);
  });

  it('says in one line which folder cannot be made', async () => {
    for (const folder of ['/proc/x', '/proc/x/y', '/dev/null/x']) {
      const { code, stderr } = await netctl.run(['daemon', '--state-dir', folder]);
      assert.match(stderr, new RegExp(`^netctl: state folder '${folder}' cannot be made \\(E[A-Z]+: .*\\): choose another one or mend this one\n$`));
      assert.equal(code, 1);
    }
    const { code, stderr } = await netctl.run(['--run-dir', '/proc/x', 'network', 'ls']);
    assert.match(stderr, /^netctl: the daemon was not started, its log '\/proc\/x\/daemon.log' cannot be opened \(ENOENT: .*\): choose another folder by --run-dir$/m);
    assert.equal(code, 1);
    for (const [option, says] of [
      ['--run-dir', "cannot listen on '/proc/x/netctl.sock' (ENOENT: no such file or directory, mkdir '/proc/x'): choose another folder by --run-dir"],
      ['--docker-plugins', "plugin folder '/proc/x' cannot be made (ENOENT: no such file or directory, mkdir '/proc/x'): choose another one by --docker-plugins"],
    ] as const) {
      const refused = await netctl.run(['daemon', option, '/proc/x']);
      assert.deepEqual([refused.code, refused.stderr], [1, `netctl: ${says}\n`]);
    }
  });

  it('writes its log through no link', async () => {
    await host.sh('mkdir /run/trap && ln -s /run/target /run/trap/daemon.log');
    const { code, stderr } = await netctl.run(['--run-dir', '/run/trap', 'network', 'ls']);
    assert.equal(code, 1);
    assert.match(stderr, /^netctl: the daemon was not started, its log '\/run\/trap\/daemon\.log' cannot be opened \(ELOOP.*\): choose another folder by --run-dir$/m);
    assert.equal(await host.sh('ls /run/target 2>/dev/null || :'), '');
    await host.sh('rm -r /run/trap');
  });

  it('is talked to through the folder that --run-dir or NETCTL_RUN_DIR names, before or after the command', async () => {
    await netctl.daemon(['--run-dir', '/run/lab', '--state-dir', '/var/lib/netctl/lab', '--docker-plugins', 'none']);
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'blue', '--run-dir', '/run/lab');
    assert.match(await netctl.ok('--run-dir', '/run/lab', 'network', 'ls'), /blue/);
    assert.match(await netctl.ok('network', '--run-dir=/run/lab', 'ls'), /blue/);
    assert.match((await netctl.run(['network', 'ls'], { env: { NETCTL_RUN_DIR: '/run/lab' } })).stdout, /blue/);
    assert.match((await netctl.run(['network', 'ls', '--no-autostart'])).stderr, /no daemon listens on '\/run\/netctl\/netctl\.sock'/);
    assert.equal(await host.sh('ls /run/docker/plugins'), '');
  });

  it('takes its sockets away at SIGTERM and SIGINT, and leaves networks and sandboxes', async () => {
    const clean = await host.snapshot();
    const daemon = await netctl.daemon();
    assert.notEqual(await host.sh('ls /run/docker/plugins'), '');
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'blue');
    await netctl.ok('sandbox', 'create', '--network', 'blue', 'a');
    await netctl.ok('sandbox', 'create', '--network', 'blue', 'b');
    await using events = await netctl.start(['events', '--no-autostart']);
    // It listens when it tells of something.
    do {
      await netctl.ok('network', 'create', '--subnet', '10.77.0.0/24', 'heard');
      await netctl.ok('network', 'rm', 'heard');
    } while (!events.output.includes('heard'));
    assert.deepEqual(await daemon.kill('SIGTERM'), { code: 0, signal: undefined });
    assert.match(daemon.output, /INFO SIGTERM: stopping; networks and sandboxes stay\n$/);
    assert.equal(await host.sh('ls /run/netctl /run/docker/plugins'), '/run/docker/plugins:\n\n/run/netctl:');
    assert.equal((await events.ended).code, 1);
    assert.match(events.output, /^netctl: the daemon went away\n$/m);
    assert.match(await host.sh('ip netns exec a ping -c 1 -W 1 10.9.0.3'), / 0% packet loss/);
    const again = await netctl.daemon();
    assert.match(await netctl.ok('network', 'ls'), /blue +bridge +10\.9\.0\.0\/24 +2/);
    await netctl.ok('sandbox', 'rm', 'a', 'b');
    await netctl.ok('network', 'rm', 'blue');
    assert.deepEqual(await again.kill('SIGINT'), { code: 0, signal: undefined });
    assert.deepEqual(difference(clean, await host.snapshot(), ['links', 'namespaces', 'nftables', 'mounts', 'routes', 'sockets', 'sysctls']), []);
  });

  it('replaces the socket of a daemon that was killed, and refuses to replace a living one', async function () {
    const first = await netctl.daemon(['--docker-plugins', 'none']);
    await first.kill('SIGKILL');
    assert.equal(await host.sh('stat -c %F /run/netctl/netctl.sock'), 'socket');
    await netctl.daemon(['--docker-plugins', 'none']);
    const second = await netctl.run(['daemon', '--docker-plugins', 'none', '--state-dir', '/var/lib/netctl/other']);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /^netctl: a daemon is listening on '\/run\/netctl\/netctl\.sock' already: stop it first/m);
    const third = await netctl.run(['daemon', '--docker-plugins', 'none', '--run-dir', '/run/other']);
    assert.equal(third.code, 1);
    assert.match(third.stderr, /^netctl: .*\/var\/lib\/netctl\/state\.sqlite.*\n$/m);
    assert.match(await netctl.ok('version'), /^daemon /m);
    await host.sh('mkdir /run/file && touch /run/file/netctl.sock');
    assert.match((await netctl.run(['daemon', '--run-dir', '/run/file', '--state-dir', '/var/lib/netctl/other'])).stderr, /is there and is no socket/);
    assert.match((await netctl.run(['daemon', '--state-dir', '/etc/passwd'])).stderr, /^netctl: state folder '\/etc\/passwd' cannot be made \(.*EEXIST.*\): choose another one.*\n$/);
    assert.match((await netctl.run(['daemon', '--run-dir', `/run/${'x'.repeat(120)}`, '--state-dir', '/var/lib/netctl/other'])).stderr, /choose a shorter folder/);
  });

  it('says in log and doctor what was lost while it was away', async () => {
    const first = await netctl.daemon(['--docker-plugins', 'none']);
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'blue');
    await netctl.ok('sandbox', 'create', '--network', 'blue', '-p', '8080:80', 'web');
    await first.kill();
    await using taken = await host.serve(8080, 'tcp', 'thief');
    const second = await netctl.daemon(['--docker-plugins', 'none']);
    assert.match(second.output, /^WARN .*8080/m);
    const { code, stdout } = await netctl.run(['doctor']);
    assert.equal(code, 1);
    assert.match(stdout, new RegExp(`^warning +ports: .*${String(taken.port)}`, 'm'));
  });

  it('tells the service manager when it is ready and when it stops', async () => {
    const listen = `import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind('/run/notify'); print('up', flush=True)
while True: print(s.recv(99).decode(), flush=True)`;
    await using manager = await host.spawn(['python3', '-c', listen]);
    await manager.waitFor(/up/);
    await using daemon = await netctl.start(['daemon', '--docker-plugins', 'none'], { NOTIFY_SOCKET: '/run/notify' });
    await manager.waitFor(/^READY=1$/m);
    assert.match(await netctl.ok('version'), /^daemon /m);
    await daemon.kill();
    await manager.waitFor(/^STOPPING=1$/m);
  });

  it('reads a configuration file, and lets options go before it', async () => {
    await host.sh(`echo '{"state-dir": "/var/lib/netctl/lab", "run-dir": "/run/lab", "docker-plugins": "none", "log-format": "json", "log-level": "warn"}' >/etc/netctl.json`);
    const daemon = await netctl.start(['daemon', '--config', '/etc/netctl.json', '--log-level', 'info']);
    const [line = ''] = await daemon.waitFor(/^\{.*\}$/m);
    const { level, message } = JSON.parse(line) as { level: string; message: string };
    assert.equal(level, 'info');
    assert.match(message, /serves \/run\/lab\/netctl\.sock, state in \/var\/lib\/netctl\/lab/);
    await daemon.kill();
    for (const [text, says] of [
      ['{"state_dir": "/x"}', /unknown field 'state_dir'/],
      ['{"log-level": "loud"}', /field 'log-level' of the configuration file '\/etc\/netctl\.json' is wrong: .*"debug"\|"info"\|"warn"\|"error"/],
      ['{', /configuration file '\/etc\/netctl\.json' is not JSON/],
    ] as const) {
      await host.sh(`cat >/etc/netctl.json`, { input: text });
      const { code, stderr } = await netctl.run(['daemon', '--config', '/etc/netctl.json']);
      assert.equal(code, 2);
      assert.match(stderr, says);
    }
    assert.match((await netctl.run(['daemon', '--config', '/etc/nope.json'])).stderr, /'\/etc\/nope\.json' cannot be read/);
    assert.match((await netctl.run(['daemon', '--firewall', 'pf'])).stderr, /field 'firewall' of the command line is wrong/);
  });

  it('is for root only, and whoever is not root is told so', async () => {
    const nobody = (...words: string[]): ReturnType<PrivateHost['exec']> =>
      host.exec(['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', ...NETCTL, ...words], { allowFail: true });
    const daemon = await nobody('daemon');
    assert.deepEqual([daemon.code, daemon.stderr], [1, 'netctl: the daemon makes network namespaces, which only root can: run as root, e.g. with sudo\n']);
    const absent = await nobody('network', 'ls');
    assert.match(absent.stderr, /^netctl: no daemon listens on '\/run\/netctl\/netctl\.sock', and only root can start one: run as root, e\.g\. with sudo\n$/);
    await netctl.daemon(['--docker-plugins', 'none']);
    const present = await nobody('network', 'ls');
    assert.match(present.stderr, /^netctl: no right to open '\/run\/netctl\/netctl\.sock': the daemon serves root only/);
    assert.deepEqual([absent.code, present.code], [1, 1]);
  });

  it('lists the ports of a container, which it learns from the engine', async () => {
    await netctl.daemon(['--docker-plugins', 'none']);
    const engine = `
      const answers = {
        '/containers/shop/json': { Id: 'f'.repeat(64), Name: '/shop', NetworkSettings: { Networks: { mine: { EndpointID: 'e'.repeat(64) } }, Ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }, { HostIp: '::', HostPort: '8080' }], '99/udp': null } } },
        '/containers/json': [],
      };
      require('node:http').createServer((request, response) => {
        console.log(request.method, request.url);
        const answer = answers[request.url];
        response.writeHead(answer === undefined ? 404 : 200).end(JSON.stringify(answer ?? { message: 'No such container' }));
      }).listen('/run/docker.sock', () => console.log('up'));`;
    await using asked = await host.spawn([process.execPath, '-e', engine]);
    await asked.waitFor(/up/);
    const ask = (name: string): ReturnType<Netctl['run']> => netctl.run(['port', name], { env: { DOCKER_HOST: 'unix:///run/docker.sock' } });
    assert.equal((await ask('shop')).stdout, '80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n');
    assert.match((await ask('nope')).stderr, /no such sandbox or container 'nope'/);
    assert.doesNotMatch(asked.output, /POST|DELETE|PUT/);
  });
});
