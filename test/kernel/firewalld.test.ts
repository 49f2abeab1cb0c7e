import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { firewalldZone } from '../../src/firewall/firewalld-zone.ts';
import { foreignDrops } from '../../src/firewall/foreign-drops.ts';
import { nftBackend } from '../../src/firewall/nft-backend.ts';
import type { ProgramResult } from '../../src/kernel/programs.ts';
import { applyOps } from '../support/firewall-apply.ts';
import { FACTS } from '../support/firewall-cases.ts';
import { FirewallLab } from '../support/firewall-lab.ts';
import { runCases } from '../support/firewall-run.ts';
import { skip } from '../support/skip.ts';

const BRIDGES = FACTS.flatMap((fact) => (fact.kind === 'network' ? [fact.bridge] : []));

/** firewalld with a system bus of its own; everything ends with the first process of its PID namespace. */
const UP = `
mkdir -p /run/dbus /run/over/etc /run/over/etcwork /run/over/actions /run/over/actionswork
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/over/etc,workdir=/run/over/etcwork /etc
actions=/usr/share/polkit-1/actions
# the package's own set-up chooses between two policies
if [ ! -e $actions/org.fedoraproject.FirewallD1.policy ]; then
  mount -t overlay overlay -o lowerdir=$actions,upperdir=/run/over/actions,workdir=/run/over/actionswork $actions
  cp $actions/org.fedoraproject.FirewallD1.server.policy.choice $actions/org.fedoraproject.FirewallD1.policy
fi
mkdir -p /etc/firewalld/zones /etc/firewalld/policies
dbus-daemon --system --fork --nopidfile
exec /usr/bin/python3 /usr/sbin/firewalld --nofork --nopid --log-file /run/firewalld.log
`;

describe('beside firewalld', function () {
  let lab: FirewallLab;
  let firewalld: ChildProcess;

  before(async function () {
    if (!existsSync('/usr/sbin/firewalld')) skip(this, 'program firewalld');
    lab = await FirewallLab.start();
    const [file = '', ...enter] = lab.enter;
    firewalld = spawn(file, [...enter, 'unshare', '-m', '-p', '--fork', '--kill-child', '--mount-proc', 'sh', '-ec', UP], { stdio: ['ignore', 'ignore', 'inherit'] });
    for (let tries = 0; (await command(['--state'])).exitCode !== 0; tries += 1) {
      assert.ok(tries < 100, 'firewalld did not come up');
      await delay(100);
    }
    applyOps(lab, nftBackend('0a1b2c3d').rebuild(FACTS));
  });

  after(async () => {
    if (firewalld === undefined) return;
    firewalld.kill('SIGKILL');
    await once(firewalld, 'exit');
    await lab[Symbol.asyncDispose]();
  });

  async function command(args: readonly string[]): Promise<ProgramResult> {
    try {
      return { exitCode: 0, stdout: lab.host('firewall-cmd', args), stderr: '' };
    } catch (error) {
      const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
      return { exitCode: status, stdout, stderr };
    }
  }

  /** What of ours does not work; what others do among themselves is firewalld's to decide. */
  async function troubles(): Promise<string[]> {
    return (await runCases(lab, { docker: false })).filter((sentence) => !/: (vm|far) to (up|lan):/.test(sentence));
  }

  function blamed(): unknown {
    return foreignDrops(JSON.parse(lab.host('nft', ['-j', 'list', 'ruleset'])), BRIDGES).map(({ message }) => message.split(',')[0]);
  }

  it('our networks are cut off until their bridges are in the zone, and doctor says so until then', async () => {
    assert.deepEqual(blamed(), ['table inet firewalld']);
    assert.ok((await troubles()).some((sentence) => sentence.startsWith('masquerade:')));
    await firewalldZone(command).set(BRIDGES);
    assert.deepEqual(blamed(), []);
    assert.deepEqual(await troubles(), []);
  });

  it('a reload loses the bridges, and they can be put back', async () => {
    assert.equal((await command(['--reload'])).exitCode, 0);
    assert.deepEqual(blamed(), ['table inet firewalld']);
    await firewalldZone(command).set(BRIDGES);
    assert.deepEqual(blamed(), []);
  });

  it('the zone goes with the last bridge', async () => {
    const zone = firewalldZone(command);
    await zone.set(BRIDGES);
    await zone.set([]);
    assert.doesNotMatch((await command(['--permanent', '--get-zones'])).stdout, /netctl/);
    assert.doesNotMatch((await command(['--permanent', '--get-policies'])).stdout, /netctl/);
    assert.equal((await command(['--zone=netctl', '--list-interfaces'])).stdout.trim(), '');
  });
});
