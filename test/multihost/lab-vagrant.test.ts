import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { vagrant } from '../../scripts/lab/grounds/vagrant.ts';
import { Lab } from '../../scripts/lab/lab.ts';
import { runScenario } from '../../scripts/lab/run-scenarios.ts';
import { EXTENTS } from '../../scripts/lab/scenario.ts';
import { pairs } from '../../scripts/lab/scenarios/pairs.ts';
import { needEtcd } from '../support/etcd.ts';
import { eventually } from '../support/eventually.ts';
import { PrivateHost } from '../support/host.ts';
import { Lan } from '../support/lan.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** What Vagrant says of a machine, and what ssh and sudo do there: as far as the lab asks them. */
const PROGRAMS = {
  vagrant: `[ "$1" = ssh-config ] && [ -e "$VAGRANT_CWD/Vagrantfile" ] || exit 1
printf 'Host %s\\n  HostName %s\\n  User vagrant\\n  IdentityFile "/a folder/key"\\n' "$2" "$2"`,
  ssh: `while [ "$1" != -- ]; do host=$1; shift; done
shift
exec nsenter -t "$(cat "\${0%/*}/$host.pid")" -m -u -p -n env "PATH=\${0%/*}:$PATH" sh -c "$*"`,
  sudo: 'shift; exec "$@"',
} as const;

describe('the lab on machines of Vagrant, played by private hosts', function () {
  const stack = new AsyncDisposableStack();
  let hosts: PrivateHost[];

  before(async function () {
    needEtcd(this);
    const path = process.env['PATH'];
    const folder = await mkdtemp(join(tmpdir(), 'lab-vagrant-'));
    stack.defer(() => rm(folder, { recursive: true }));
    // Vagrant's own network has the default route; the other one is the lab's.
    const lans = [stack.use(await Lan.start(0)), stack.use(await Lan.start(1))];
    hosts = await Promise.all(['h1', 'h2', 'h3'].map((name) => PrivateHost.start({ name, lans })));
    for (const host of hosts) {
      stack.use(host);
      await host.sh(`mount -t tmpfs none /opt && mkdir /opt/libnetwork-ts && mount --bind '${PROJECT}' /opt/libnetwork-ts`);
      await writeFile(join(folder, `${host.name}.pid`), String(host.pid));
    }
    for (const [name, script] of Object.entries(PROGRAMS)) await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    process.env['PATH'] = `${folder}:${path ?? ''}`;
    stack.defer(() => void (process.env['PATH'] = path));
  });

  after(() => stack.disposeAsync());

  it('begins by ending what a lab that was killed has left, and finds and joins them', async () => {
    const [, left] = hosts as [PrivateHost, PrivateHost];
    const etcd = await left.spawn(['sh', '-c', 'sleep 1000; :', 'etcd', '--initial-cluster-token=netctl-lab']);
    await left.sh('nft add table inet netctl_lab_cut');
    await using lab = await Lab.start(await vagrant());
    assert.deepEqual(lab.machines.map(({ address }) => address), hosts.map(({ addresses }) => addresses[1]?.address4));
    assert.equal((await left.exec(['kill', '-0', String(etcd.innerPid)], { allowFail: true })).code, 1);
    assert.doesNotMatch(await left.sh('nft list tables'), /lab_cut/);
    const { ok, error } = await runScenario(lab, pairs, { ...EXTENTS.short, seed: 1 });
    assert.ok(ok, error);
  });

  it('leaves nothing running there', async () => {
    for (const host of hosts) {
      const running = (): Promise<string> => host.sh('pgrep -af "[n]etctl-lab|[/]opt/libnetwork-ts/" || :');
      assert.equal(await eventually(running, (text) => text === ''), '');
    }
  });

  it('says in one line where there is no such machine', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    try {
      await assert.rejects(vagrant(), { message: "machine h1 cannot be reached; 'vagrant up' in scripts/lab starts it: there is no program vagrant here" });
    } finally {
      process.env['PATH'] = path;
    }
  });
});
