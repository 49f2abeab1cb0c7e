import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firewallCmd, type FirewallCmd } from '../../src/firewall/firewall-cmd.ts';
import { firewalldZone } from '../../src/firewall/firewalld-zone.ts';

interface Answer {
  readonly code: number;
  readonly text: string;
}

function fine(text = 'success'): Answer {
  return { code: 0, text };
}

/** As much of firewalld as a zone of ours needs. */
class FakeFirewalld {
  running = true;
  /** Interfaces by zone, what is in force now. */
  runtime = new Map<string, Set<string>>([['public', new Set(['eth0'])]]);
  permanent = new Set(['public']);
  policies = new Set<string>();
  reloads = 0;
  calls: string[] = [];

  readonly run: FirewallCmd = async (args) => {
    this.calls.push(args.join(' '));
    const { code, text } = this.#answer(args);
    return { exitCode: code, stdout: text, stderr: '' };
  };

  #answer(args: readonly string[]): Answer {
    const value = (option: string): string | undefined => args.find((arg) => arg.startsWith(`--${option}=`))?.split('=')[1];
    if (args.includes('--state')) return this.running ? fine('running') : { code: 252, text: 'not running' };
    if (args.includes('--get-zones')) return fine([...this.permanent].join(' '));
    if (args.includes('--reload')) {
      this.reloads += 1;
      this.runtime = new Map([...this.permanent].map((zone) => [zone, new Set()]));
      return fine();
    }
    const [newZone, oldZone, newPolicy, oldPolicy] = [value('new-zone'), value('delete-zone'), value('new-policy'), value('delete-policy')];
    if (newZone !== undefined) return this.permanent.has(newZone) ? { code: 26, text: 'NAME_CONFLICT' } : (this.permanent.add(newZone), fine());
    if (oldZone !== undefined) return fine(String(this.permanent.delete(oldZone)));
    if (newPolicy !== undefined) return fine(String(this.policies.add(newPolicy).size));
    if (oldPolicy !== undefined) return fine(String(this.policies.delete(oldPolicy)));
    if (args.includes('--permanent')) return fine();
    const zone = this.runtime.get(value('zone') ?? '');
    if (zone === undefined) return { code: 112, text: 'INVALID_ZONE' };
    for (const arg of args) {
      if (arg.startsWith('--change-interface=')) zone.add(arg.split('=')[1] ?? '');
      if (arg.startsWith('--remove-interface=')) zone.delete(arg.split('=')[1] ?? '');
    }
    return fine([...zone].join(' '));
  }
}

describe('a firewalld zone of our own', () => {
  let fake: FakeFirewalld;
  let present: Set<string>;

  beforeEach(() => {
    fake = new FakeFirewalld();
    present = new Set(['br-a', 'br-b']);
  });

  const open = (): ReturnType<typeof firewalldZone> => firewalldZone(fake.run, (link) => present.has(link));
  const bridges = (): string[] => [...(fake.runtime.get('netctl') ?? [])].toSorted();

  it('is nothing where firewalld is not installed or does not run', async () => {
    await firewalldZone(async () => undefined).set(['br-a']);
    fake.running = false;
    await open().set(['br-a']);
    assert.deepEqual(fake.calls, ['--state']);
  });

  it('is made once, with one reload, and holds our bridges', async () => {
    const zone = open();
    await zone.set(['br-a']);
    await zone.set(['br-a', 'br-b']);
    assert.deepEqual(bridges(), ['br-a', 'br-b']);
    assert.equal(fake.reloads, 1);
    assert.deepEqual([...fake.permanent, ...fake.policies], ['public', 'netctl', 'netctl-forwarding']);
  });

  it('gets its bridges back after a reload, and after a restart of ours', async () => {
    await open().set(['br-a']);
    await fake.run(['--reload']);
    await open().set(['br-a']);
    assert.deepEqual(bridges(), ['br-a']);
    assert.equal(fake.reloads, 2);
  });

  it('loses bridges that are gone, and leaves those of another owner', async () => {
    const [one, other] = [open(), open()];
    await one.set(['br-a']);
    await other.set(['br-b']);
    assert.deepEqual(bridges(), ['br-a', 'br-b']);
    await one.set([]);
    assert.deepEqual(bridges(), ['br-b']);
    assert.ok(fake.permanent.has('netctl'));
  });

  it('goes with the last bridge, and can come back', async () => {
    const zone = open();
    await zone.set(['br-a']);
    present.clear();
    await zone.set([]);
    assert.deepEqual([...fake.permanent, ...fake.policies], ['public']);
    await zone.set(['br-b']);
    assert.deepEqual(bridges(), ['br-b']);
    assert.ok(fake.permanent.has('netctl'));
  });

  it('costs two questions when there is nothing to do', async () => {
    await open().set([]);
    assert.deepEqual(fake.calls, ['--state', '--zone=netctl --list-interfaces']);
  });

  it('names the call that firewalld refused', async () => {
    const zone = firewalldZone(async (args) => (args.includes('--state') ? { exitCode: 0, stdout: '', stderr: '' } : { exitCode: 253, stdout: '', stderr: 'Error: NOT_AUTHORIZED' }));
    await assert.rejects(zone.set(['br-a']), (error: Error & { code?: string }) => error.code === 'UNAVAILABLE' && /--list-interfaces.*NOT_AUTHORIZED/.test(error.message));
    await assert.rejects(open().set(['x"; y']), { code: 'INVALID' });
  });
});

describe('firewall-cmd', () => {
  let folder: string;
  const before = { ...process.env };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'firewall-cmd-'));
    await writeFile(join(folder, 'firewall-cmd'), '#!/bin/sh\necho "heard $*"\n', { mode: 0o755 });
    await writeFile(join(folder, 'bus'), '');
    process.env['PATH'] = `${folder}:${before['PATH'] ?? ''}`;
    delete process.env['DBUS_SYSTEM_BUS_ADDRESS'];
  });

  afterEach(async () => {
    process.env = { ...before };
    await rm(folder, { recursive: true });
  });

  it('is not started where no bus leads to firewalld', async () => {
    assert.equal(await firewallCmd(['--state'], join(folder, 'no bus')), undefined);
    assert.equal((await firewallCmd(['--state'], join(folder, 'bus')))?.stdout, 'heard --state\n');
    process.env['DBUS_SYSTEM_BUS_ADDRESS'] = 'unix:path=/elsewhere';
    assert.equal((await firewallCmd(['--state'], join(folder, 'no bus')))?.stdout, 'heard --state\n');
  });
});
