import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, type RunResult } from '../support/run.ts';

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url));

describe('scripts/install and scripts/uninstall', function () {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'install-'));
  });

  afterEach(() => rm(root, { recursive: true }));

  const install = (...words: string[]): Promise<RunResult> => run([join(scripts, 'install'), '--root', root, ...words]);
  const uninstall = (...words: string[]): Promise<RunResult> => run([join(scripts, 'uninstall'), ...words, '--root', root]);

  /** Files below the root, without those of the packages. */
  const files = async (): Promise<string[]> => {
    const all = await readdir(root, { recursive: true, withFileTypes: true });
    return all.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name).slice(root.length)).filter((file) => !file.includes('/libnetwork-ts/')).toSorted();
  };

  it('put everything below a root, again over itself, and take everything away', async () => {
    await install();
    assert.deepEqual(await files(), [
      '/etc/systemd/system/netctl.service',
      '/usr/local/bin/netctl',
      '/usr/local/share/bash-completion/completions/netctl',
      '/usr/local/share/zsh/site-functions/_netctl',
    ]);
    await writeFile(join(root, 'usr/local/lib/libnetwork-ts/dist/old.js'), '');
    await install();
    assert.ok(!existsSync(join(root, 'usr/local/lib/libnetwork-ts/dist/old.js')), 'what an older version brought is gone');
    // moved as a whole, as a package is: nothing may point back here
    assert.equal(await readlink(join(root, 'usr/local/bin/netctl')), '../lib/libnetwork-ts/scripts/netctl');
    const { stdout } = await run([join(root, 'usr/local/bin/netctl'), '--no-autostart', 'version'], { env: { PATH: '/usr/bin:/bin' } });
    assert.match(stdout, /^netctl \d+\.\d+\.\d+ \(node v\d+/);
    await mkdir(join(root, 'var/lib/netctl'), { recursive: true });
    await writeFile(join(root, 'var/lib/netctl/state.sqlite'), 'kept');
    await uninstall();
    assert.deepEqual(await files(), ['/var/lib/netctl/state.sqlite']);
    assert.ok(!existsSync(join(root, 'usr/local/lib/libnetwork-ts')));
    await uninstall('--purge');
    assert.deepEqual(await files(), []);
  });

  it('follow a prefix', async () => {
    await install('--prefix', '/opt/net');
    assert.match(await readFile(join(root, 'etc/systemd/system/netctl.service'), 'utf8'), /^ExecStart=\/opt\/net\/bin\/netctl daemon /m);
    assert.match((await run([join(root, 'opt/net/bin/netctl'), '--no-autostart', 'version'])).stdout, /^netctl /);
    await uninstall('--prefix', '/opt/net');
    assert.deepEqual(await files(), []);
  });

  it('refuse what they do not know, with their usage', async () => {
    for (const [words, says] of [
      [['--perfix', '/opt'], /^error: unknown option '--perfix'\n.*scripts\/install \[--prefix/s],
      [['--prefix'], /^error: option '--prefix' wants a folder\n/],
      [['--prefix', 'opt'], /^error: prefix 'opt' must be a path from \//],
      [['--prefix', '/opt/$x'], /^error: prefix '\/opt\/\$x' may hold letters/],
    ] as const) {
      const { code, stderr } = await run([join(scripts, 'install'), '--root', root, ...words], { allowFail: true });
      assert.equal(code, 2);
      assert.match(stderr, says);
    }
    assert.deepEqual(await files(), []);
  });
});
