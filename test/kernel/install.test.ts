import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { PrivateHost } from '../support/host.ts';
import { skip } from '../support/skip.ts';
import { difference, type MachineState } from '../support/machine-state.ts';

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url));
const PREFIX = '/var/lib/prefix';
const UNIT = '/etc/systemd/system/netctl.service';

describe('an installed netctl', function () {
  let host: PrivateHost;
  let clean: MachineState;

  before(async () => {
    host = await PrivateHost.start();
    clean = await host.snapshot();
    const { stderr } = await host.exec([`${scripts}/install`, '--prefix', PREFIX]);
    assert.match(stderr, /this machine does not run systemd; start the daemon yourself: \/var\/lib\/prefix\/bin\/netctl daemon\n$/);
  });

  after(() => host[Symbol.asyncDispose]());

  /** All values of one key of the unit. */
  const unit = async (key: string): Promise<string[]> => (await host.sh(`sed -n 's/^${key}=//p' ${UNIT}`)).split('\n').filter((line) => line !== '');

  it('has a unit that systemd understands, and that gives it no mounts of its own', async function () {
    if ((await host.exec(['sh', '-c', 'command -v systemd-analyze'], { allowFail: true })).code !== 0) skip(this, 'program systemd-analyze');
    const { stdout, stderr } = await host.exec(['systemd-analyze', 'verify', '--man=no', UNIT]);
    assert.equal(stdout + stderr, '');
    const text = await host.sh(`cat ${UNIT}`);
    assert.doesNotMatch(text, /^(?:Protect\w+|Private\w+|ReadOnlyPaths|ReadWritePaths|InaccessiblePaths|BindPaths|BindReadOnlyPaths|TemporaryFileSystem|RootDirectory|RootImage|MountFlags|DynamicUser)=/m);
    assert.deepEqual(await unit('Before'), ['docker.service']);
  });

  it('does all its work with the rights that the unit leaves it, says when it is ready, and goes without a trace', async () => {
    const rights = (await unit('CapabilityBoundingSet'))[0]?.split(' ').map((name) => `+${name.toLowerCase().replace('cap_', '')}`) ?? [];
    const [program = ''] = (await unit('ExecStart'))[0]?.split(' ') ?? [];
    const listen = `import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind('/run/notify'); print('up', flush=True)
while True: print(s.recv(99).decode(), flush=True)`;
    await using manager = await host.spawn(['python3', '-c', listen]);
    await manager.waitFor(/up/);
    const start = ['setpriv', `--bounding-set=-all,${rights.join(',')}`, '--no-new-privs', program, 'daemon'];
    await using daemon = await host.spawn(start, { env: { NOTIFY_SOCKET: '/run/notify' } });
    await manager.waitFor(/^READY=1$/m);
    const netctl = `${PREFIX}/bin/netctl --no-autostart`;
    await host.sh(`${netctl} network create --ipv6 --subnet 10.9.0.0/24 blue && ${netctl} sandbox create --network blue -p 8080:80 web && ${netctl} sandbox create --network blue client`);
    await using served = await host.netns('web').serve(80, 'tcp', 'web');
    assert.equal(await host.outside.canReach(host.address4, 8080), true);
    assert.equal(await host.canReach('::1', 8080), true);
    assert.equal(await host.netns('client').canReach('10.9.0.2', served.port), true);
    await using other = await host.spawn(['unshare', '-n', 'sleep', '1000']);
    await host.sh(`until [ "$(readlink /proc/${String(other.innerPid)}/ns/net)" != "$(readlink /proc/1/ns/net)" ]; do :; done`);
    await host.sh(`${netctl} sandbox adopt --pid ${String(other.innerPid)} other && ${netctl} network connect blue other`);
    await host.sh('nft flush ruleset');
    await daemon.waitFor(/repair packet filter/);
    assert.match(await host.sh(`${netctl} doctor`), /^(?:(?:ok|note) .*\n?)+$/);
    await served[Symbol.asyncDispose]();
    await host.sh(`${netctl} sandbox rm web client other && ${netctl} network rm blue`);
    await daemon.kill('SIGTERM');
    await manager.waitFor(/^STOPPING=1$/m);
    await Promise.all([other.kill('SIGKILL'), manager.kill('SIGKILL')]);
    assert.equal(await host.sh('ls -A /run/netctl /run/docker/plugins'), '/run/docker/plugins:\n\n/run/netctl:');
  });

  it('leaves no socket behind when it was killed: the unit removes them', async () => {
    await using daemon = await host.spawn([`${PREFIX}/bin/netctl`, 'daemon']);
    await daemon.waitFor(/ serves /);
    await daemon.kill('SIGKILL');
    for (const command of await unit('ExecStopPost')) await host.sh(command.replace(/^-/, ''));
    assert.equal(await host.sh('ls -A /run/docker/plugins'), '');
  });

  it('is gone after scripts/uninstall', async () => {
    await host.exec([`${scripts}/uninstall`, '--purge', '--prefix', PREFIX]);
    await host.sh('rm -f /run/notify; rm -rf /run/netctl');
    assert.deepEqual(difference(clean, await host.snapshot()).filter((line) => !line.startsWith('sysctls')), []);
    assert.equal(await host.sh(`find ${PREFIX} -type f -o -type l; ls ${UNIT} 2>/dev/null || :`), '');
  });
});
