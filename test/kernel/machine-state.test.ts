import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrivateHost } from '../support/host.ts';
import { skip } from '../support/skip.ts';

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url));

describe('the comparison of the machine before and after', () => {
  let host: PrivateHost;
  before(async () => {
    host = await PrivateHost.start();
  });
  after(() => host[Symbol.asyncDispose]());

  /** What is said after a script has run between before and after; '' when nothing has changed. */
  async function said(script: string): Promise<string> {
    const all = `. "$scripts/lib/setup.sh"; . "$scripts/lib/machine.sh"; machine_before; ${script}; machine_after`;
    const result = await host.exec(['bash', '-c', all], { env: { scripts, NETCTL_TOOLS: 'done' }, allowFail: true });
    assert.equal(result.code === 0, result.stderr === '', 'it fails when it says something, and only then');
    return result.stderr;
  }

  it('is silent when everything is as it was', async () => {
    assert.equal(await said('ip link add d0 type bridge; ip link del d0; ip netns add x; ip netns del x; iptables-legacy -t mangle -L >/dev/null 2>&1 || :'), '');
  });

  const changes = [
    ['a link', 'ip link add d0 type bridge', /^\+d0: /m],
    ['an address', 'ip addr add 10.9.9.9/32 dev eth0', /^\+eth0 inet 10\.9\.9\.9\/32/m],
    ['a namespace', 'ip netns add left', /^\+left$/m],
    ['a route', 'ip route add 10.8.0.0/16 dev eth0', /^\+10\.8\.0\.0\/16 dev eth0/m],
    ['a rule', 'ip rule add pref 77 lookup 77', /^\+77:/m],
    ['an nft table', 'nft add table inet left', /^\+table inet left/m],
    ['an iptables rule', 'iptables -A INPUT -p tcp --dport 9 -j DROP', /^\+.*dport 9/m],
    ['a mount', 'mount -t tmpfs left /mnt', /^\+\/ \/mnt .* left/m],
    ['a socket in the plugin folder', 'touch /run/docker/plugins/x.sock', /^\+\/run\/docker\/plugins\/x\.sock$/m],
    ['state', 'touch /var/lib/netctl/x', /^\+\/var\/lib\/netctl\/x$/m],
    ['forwarding', 'echo 1 >/proc/sys/net/ipv4/ip_forward', /^-ipv4\/ip_forward 0\n\+ipv4\/ip_forward 1$/m],
    ['a link that is gone', 'ip link del eth0', /^-eth0: /m],
  ] as const;
  it('tells an iptables-legacy rule', async function () {
    if ((await host.exec(['iptables-legacy', '-L'], { allowFail: true })).code !== 0) skip(this, 'program iptables-legacy, or kernel feature ip_tables');
    assert.match(await said('iptables-legacy -t nat -N LEFT'), /^\+\*nat :LEFT -$/m);
    assert.match(await said('iptables-legacy -P FORWARD DROP'), /^\+\*filter :FORWARD DROP$/m);
  });

  for (const [name, script, sign] of changes) {
    it(`tells ${name}`, async () => assert.match(await said(script), sign));
  }

  it('fails scripts/test when a test changes the machine, though it passes', async () => {
    const file = join(host.folder, 'leaves.test.ts');
    await writeFile(file, `import { execSync } from 'node:child_process';\nit('passes', () => { execSync('ip link add left0 type bridge'); });\n`);
    const result = await host.exec([join(scripts, 'test'), file], { allowFail: true });
    assert.equal(result.stdout.trimEnd().split('\n').at(-1), '1 passed, 1 failed');
    assert.match(result.stderr, /the machine is not as it was before.*\n\+left0: /);
    assert.equal(result.code, 1);
  });
});
