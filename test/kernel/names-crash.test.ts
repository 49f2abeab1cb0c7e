import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Background } from '../support/background.ts';
import { eventually } from '../support/eventually.ts';
import { PrivateHost } from '../support/host.ts';
import { difference, type MachineState } from '../support/machine-state.ts';
import { Netctl } from '../support/netctl.ts';

/** Ends the name server's thread of a daemon that is sent SIGUSR2. */
const END_DNS_THREAD = new URL('../support/end-dns-thread.ts', import.meta.url);
/** A name server that has run for less is not started again before the next request, ms. */
const STABLE = 5_000;

describe('the name server, when its thread ends in the middle of its work', () => {
  let clean: MachineState;
  let host: PrivateHost;
  let netctl: Netctl;
  let daemon: Background;
  let files: number;

  before(async () => {
    host = await PrivateHost.start();
    netctl = new Netctl(host);
    daemon = await netctl.start(['daemon', '--docker-plugins', 'none'], { NODE_OPTIONS: `--import=${END_DNS_THREAD.href} --disable-warning=ExperimentalWarning` });
    await daemon.waitFor(/INFO netctl .* serves /);
    clean = await host.snapshot();
    await netctl.ok('network', 'create', '-o', 'tsbridge.dns=gateway', '--subnet', '10.9.0.0/24', 'blue');
    for (const name of ['web', 'client']) await netctl.ok('sandbox', 'create', '--network', 'blue', name);
    await delay(STABLE);
    files = await openFiles();
  });

  after(() => host[Symbol.asyncDispose]());

  const dig = async (...words: string[]): Promise<string> => {
    const { stdout } = await host.netns('client').exec(['dig', '+short', '+time=1', '+tries=1', ...words], { allowFail: true });
    return stdout.startsWith(';;') ? 'nothing' : stdout.trim();
  };
  const openFiles = async (): Promise<number> => Number(await host.sh(`ls /proc/${String(daemon.innerPid)}/fd | wc -l`));

  it('is replaced by one that knows everything, inside sandboxes and at gateways', async () => {
    await daemon.kill('SIGUSR2');
    // The thread ends when it next has something to do.
    await dig('@127.0.0.11', 'web');
    await daemon.waitFor(/WARN the name server has crashed/);
    assert.equal(await eventually(() => dig('@127.0.0.11', 'web'), (answer) => answer === '10.9.0.2'), '10.9.0.2');
    assert.equal(await dig('+tcp', '@127.0.0.11', 'web.blue'), '10.9.0.2');
    assert.equal(await dig('@10.9.0.1', 'web'), '10.9.0.2');
    assert.equal(await dig('+tcp', '@10.9.0.1', 'web'), '10.9.0.2');
    assert.match(await netctl.ok('doctor'), /ok +names: are served to all 2 sandboxes/);
  });

  it('leaves no descriptor open', async () => {
    const now = await eventually(openFiles, (open) => open <= files);
    assert.ok(now <= files, `${String(now)} instead of ${String(files)}`);
  });

  it('leaves nothing behind that would stay with the sandboxes gone', async () => {
    await netctl.ok('sandbox', 'rm', 'web', 'client');
    await netctl.ok('network', 'rm', 'blue');
    assert.deepEqual(difference(clean, await host.snapshot()), []);
  });
});
