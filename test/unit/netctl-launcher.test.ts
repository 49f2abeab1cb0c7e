import assert from 'node:assert/strict';
import { copyFile, cp, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
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
    await writeFile(join(installed, 'package.json'), '{"type": "module"}');
    await writeFile(join(installed, 'dist/src/cli/main.js'), `console.log(JSON.stringify(['built', process.cwd(), ...process.argv.slice(2)])); process.exitCode = 7;`);
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

  describe('in a checkout', () => {
    let checkout: string;

    beforeEach(async () => {
      checkout = join(await mkdtemp(join(tmpdir(), 'launcher-')), 'checkout');
      await cp(installed, checkout, { recursive: true });
      await symlink(join(top, 'node_modules'), join(checkout, 'node_modules'));
      for (const folder of ['src/cli', 'drivers', 'plugins']) await mkdir(join(checkout, folder), { recursive: true });
      await writeFile(join(checkout, 'tsconfig.build.json'), '{}');
      await writeFile(join(checkout, 'src/cli/main.ts'), `console.log(JSON.stringify(['source', ...process.argv.slice(2)]))`);
      await writeFile(join(checkout, 'src/other.ts'), '');
      await later();
      await writeFile(join(checkout, 'dist/.built'), '');
      await later();
    });

    afterEach(() => rm(join(checkout, '..'), { recursive: true }));

    /** File times go by the kernel's tick. */
    const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
    const runs = async (): Promise<unknown> => (JSON.parse((await run([join(checkout, 'scripts/netctl'), 'x'], { allowFail: true })).stdout) as string[])[0];

    it('runs what was built while nothing has changed since', async () => {
      assert.equal(await runs(), 'built');
    });

    for (const [what, change] of [
      ['a source was changed', () => writeFile(join(checkout, 'src/other.ts'), '//')],
      ['a source was added', () => writeFile(join(checkout, 'drivers/new.ts'), '')],
      ['a source was taken away', () => rm(join(checkout, 'src/other.ts'))],
      ['an older version of a source was put back with its time', async () => {
        await writeFile(join(checkout, 'old.ts'), '');
        await utimes(join(checkout, 'old.ts'), 1, 1);
        await rename(join(checkout, 'old.ts'), join(checkout, 'src/other.ts'));
      }],
      ['another package is asked for', () => writeFile(join(checkout, 'package.json'), '{"type": "module", "version": "2.0.0"}')],
      ['the build was interrupted', () => rm(join(checkout, 'dist/.built'))],
      ['nothing was built', () => rm(join(checkout, 'dist'), { recursive: true })],
    ] as const) {
      it(`runs the sources when ${what}`, async () => {
        await change();
        assert.equal(await runs(), 'source');
      });
    }
  });

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
