import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrivateHost } from '../support/host.ts';
import { run, type RunResult } from '../support/run.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));

/** Runs mocha with our reporter on one test file with the given text. */
async function report(text: string): Promise<RunResult & { readonly lines: readonly string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'reporter-'));
  const file = join(folder, 'x.test.ts');
  await writeFile(file, `import { skip } from '${project}test/support/skip.ts';\n${text}`);
  const mocha = join(project, 'node_modules/mocha/bin/mocha.js');
  try {
    const result = await run([process.execPath, mocha, '--no-config', '--reporter', join(project, 'test/reporter.ts'), file], { allowFail: true });
    return { ...result, lines: result.stdout.trimEnd().split('\n') };
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('the reporter', () => {
  it('ends with the numbers', async () => {
    const { lines, code } = await report(`it('a', () => {}); it('b', () => {});`);
    assert.equal(lines.at(-1), '2 passed, 0 failed');
    assert.equal(code, 0);
  });

  it('says what failed before it', async () => {
    const { lines, code, stdout } = await report(`it('a', () => {}); it('b', () => { throw new Error('for this reason'); });`);
    assert.equal(lines.at(-1), '1 passed, 1 failed');
    assert.match(stdout, /for this reason/);
    assert.equal(code, 1);
  });

  it('counts a failed hook', async () => {
    const { lines, code } = await report(`before(() => { throw new Error('no'); }); it('a', () => {});`);
    assert.equal(lines.at(-1), '0 passed, 1 failed');
    assert.equal(code, 1);
  });

  it('names what was skipped and why, for a test and for a suite', async () => {
    const { lines } = await report(`
      it('one', function () { skip(this, 'kernel module sctp'); });
      describe('suite', () => { before(function () { skip(this, 'program nft'); }); it('two', () => {}); it('three', () => {}); });
      describe('each', () => { beforeEach(function () { skip(this, 'cgroup2'); }); it('four', () => {}); });
      it.skip('five', () => {});`);
    assert.deepEqual(lines.slice(-6), [
      'skipped: one: kernel module sctp',
      'skipped: five',
      'skipped: suite two: program nft',
      'skipped: suite three: program nft',
      'skipped: each four: cgroup2',
      '0 passed, 0 failed, 5 skipped',
    ]);
  });
});

describe('scripts/test', () => {
  it('ends with numbers also when it dies on the way', async () => {
    const { stdout, stderr, code } = await run([join(project, 'scripts/test')], { allowFail: true, env: { NETCTL_CACHE: '/proc/no' } });
    assert.equal(stdout.trimEnd().split('\n').at(-1), '0 passed, 1 failed');
    assert.match(stderr, /cache folder '\/proc\/no' cannot be written; set NETCTL_CACHE/);
    assert.equal(code, 1);
  });

  it('runs a file that fell beside others again, alone, and counts that run', async () => {
    await using host = await PrivateHost.start();
    const folder = await mkdtemp(join(tmpdir(), 'again-'));
    const [accident, defect, sound] = ['accident', 'defect', 'sound'].map((name) => join(folder, `${name}.test.ts`)) as [string, string, string];
    await writeFile(sound, "it('passes', () => {});");
    await writeFile(defect, "describe('one', () => { before(() => { throw new Error('always'); }); it('never runs', () => {}); });");
    await writeFile(accident, `import { mkdirSync } from 'node:fs';
      describe('one', () => {
      before(() => { if (mkdirSync('${folder}/once', { recursive: true }) !== undefined) throw new Error('once'); });
      it('passes then', () => {}); it.skip('is skipped', () => {}); });`);
    try {
      const test = (...files: readonly string[]): Promise<RunResult> => host.exec([join(project, 'scripts/test'), ...files], { allowFail: true });
      const alone = await test(accident);
      assert.deepEqual([alone.code, alone.stdout.trimEnd().split('\n').at(-1)], [1, '0 passed, 1 failed']);
      await rm(join(folder, 'once'), { recursive: true });
      const both = await test(accident, sound);
      assert.deepEqual([both.code, both.stdout.trimEnd().split('\n').at(-1)], [0, '2 passed, 0 failed, 1 skipped']);
      assert.match(both.stderr, /again, alone: .*accident\.test\.ts, 1 failed/);
      const wrong = await test(defect, sound);
      assert.deepEqual([wrong.code, wrong.stdout.trimEnd().split('\n').at(-1)], [1, '1 passed, 1 failed']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
