import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../support/run.ts';

const launcher = fileURLToPath(new URL('../../scripts/netctl', import.meta.url));
const nodeFolder = `node_modules/node-linux-${process.arch}/bin`;

describe('scripts/netctl', () => {
  let top: string;
  /** An installed package: TOP/node_modules/libnetwork-ts, its Node beside it in TOP/node_modules. */
  let installed: string;

  before(async () => {
    top = await mkdtemp(join(tmpdir(), 'launcher-'));
    installed = join(top, 'node_modules/libnetwork-ts');
    await mkdir(join(top, nodeFolder), { recursive: true });
    await symlink(process.execPath, join(top, nodeFolder, 'node'));
    await mkdir(join(installed, 'scripts'), { recursive: true });
    await copyFile(launcher, join(installed, 'scripts/netctl'));
    await mkdir(join(installed, 'dist/src/cli'), { recursive: true });
    await mkdir(join(installed, 'src/cli'), { recursive: true });
    await writeFile(join(installed, 'package.json'), '{"type": "module"}');
    await writeFile(join(installed, 'dist/src/cli/main.js'), `console.log(JSON.stringify(['built', process.cwd(), ...process.argv.slice(2)])); process.exitCode = 7;`);
    await writeFile(join(installed, 'src/cli/main.ts'), `console.log('source')`);
    // as npm makes them: a link in .bin, and a link of the user's to that
    await mkdir(join(top, 'node_modules/.bin'));
    await symlink('../libnetwork-ts/scripts/netctl', join(top, 'node_modules/.bin/netctl'));
    await symlink(join(top, 'node_modules/.bin/netctl'), join(top, 'mine'));
  });

  after(() => rm(top, { recursive: true }));

  const ways = [
    ['its path', 'exec "$top/node_modules/libnetwork-ts/scripts/netctl" "$@"'],
    ['links', 'exec "$top/mine" "$@"'],
    ['a name on PATH', 'PATH=$top:$PATH; exec mine "$@"'],
    ['a relative path', 'exec ./node_modules/../mine "$@"'],
  ] as const;
  for (const [name, script] of ways) {
    it(`passes arguments, folder and exit code on when started by ${name}`, async () => {
      const words = ['a', 'b c', '', '--', '*'];
      const result = await run(['sh', '-c', `cd "$top" && ${script}`, 'sh', ...words], { env: { top }, allowFail: true });
      assert.equal(result.stderr, '');
      assert.deepEqual(JSON.parse(result.stdout), ['built', top, ...words]);
      assert.equal(result.code, 7);
    });
  }

  it('says what to do when there is no Node', async () => {
    const alone = await mkdtemp(join(tmpdir(), 'launcher-'));
    await mkdir(join(alone, 'scripts'));
    await copyFile(launcher, join(alone, 'scripts/netctl'));
    const result = await run([join(alone, 'scripts/netctl')], { env: { PATH: '/nonexistent' }, allowFail: true });
    await rm(alone, { recursive: true });
    assert.match(result.stderr, /^netctl: no Node 24 or newer; run 'npm ci' in .*\n$/);
    assert.equal(result.code, 1);
  });
});
