import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { daemonOptions } from '../../src/api/daemon-options.ts';
import { openLog } from '../../src/api/log.ts';
import { refuses } from '../support/refusal.ts';

describe('daemonOptions', () => {
  let folder: string;
  let file: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'config-'));
    file = join(folder, 'netctl.json');
  });

  after(() => rm(folder, { recursive: true }));

  it('has defaults', () => {
    const { runFolder, ...others } = daemonOptions({});
    assert.equal(runFolder, process.env['NETCTL_RUN_DIR'] ?? '/run/netctl');
    assert.deepEqual(others, { stateFolder: '/var/lib/netctl', dockerPlugins: '/run/docker/plugins', logLevel: 'info', logFormat: 'text', firewall: 'auto' });
  });

  it('takes options before the file, and the file before defaults', async () => {
    await writeFile(file, '{"state-dir": "/s", "run-dir": "/r", "docker-plugins": "none", "firewall": "nft"}');
    assert.deepEqual(daemonOptions({ 'state-dir': '/mine', 'log-level': 'debug' }, file), {
      stateFolder: '/mine',
      runFolder: '/r',
      dockerPlugins: undefined,
      logLevel: 'debug',
      logFormat: 'text',
      firewall: 'nft',
    });
  });

  it('takes one socket for both drivers instead of a folder', () => {
    const { dockerPlugins, pluginSocket } = daemonOptions({ 'plugin-socket': '/run/docker/plugins/net.sock' });
    assert.deepEqual([dockerPlugins, pluginSocket], ['/run/docker/plugins', 'net.sock']);
    assert.equal(daemonOptions({ 'plugin-driver': 'overlay' }).pluginDriver, 'overlay');
    refuses(() => daemonOptions({ 'plugin-driver': 'macvlan' }), 'INVALID', /plugin-driver/);
  });

  it('takes folders of Docker plugins, and how many seconds one may take', () => {
    const of = (flags: Readonly<Record<string, string>>): unknown[] => {
      const { pluginPath, pluginPatience } = daemonOptions(flags);
      return [pluginPath, pluginPatience];
    };
    assert.deepEqual(of({ 'plugin-path': '/a:/b:', 'plugin-timeout': '3' }), [['/a', '/b'], 3000]);
    assert.deepEqual(of({ 'plugin-path': 'none' }), [[], undefined]);
    for (const wrong of ['0', '-1', '1.5', 'soon', '10000']) refuses(() => of({ 'plugin-timeout': wrong }), 'INVALID', /plugin-timeout.*must be seconds, 1 to 9999/);
  });

  it('refuses a file that says what it does not know', async () => {
    await writeFile(file, '{"statedir": "/s"}');
    refuses(() => daemonOptions({}, file), 'INVALID', /unknown field 'statedir'/);
    await writeFile(file, '["state-dir"]');
    refuses(() => daemonOptions({}, file), 'INVALID', /configuration file '.*' is wrong: expected object/);
    await writeFile(file, '{"firewall": "pf"}');
    refuses(() => daemonOptions({}, file), 'INVALID', /field 'firewall' of the configuration file .* is wrong: .*'"pf"'/);
    refuses(() => daemonOptions({}, join(folder, 'none')), 'UNAVAILABLE', /cannot be read/);
  });
});

describe('openLog', () => {
  it('writes lines of the level and above', () => {
    const lines: string[] = [];
    const log = openLog('warn', 'text', (line) => lines.push(line));
    log('info', 'quiet');
    log('warn', 'loud');
    log('error', 'louder');
    assert.deepEqual(lines, ['WARN loud\n', 'ERROR louder\n']);
  });

  it('writes JSON that holds any message on one line', () => {
    const lines: string[] = [];
    openLog('debug', 'json', (line) => lines.push(line), () => 0)('debug', 'a\n"b"');
    assert.deepEqual(lines, ['{"time":"1970-01-01T00:00:00.000Z","level":"debug","message":"a\\n\\"b\\""}\n']);
  });
});
