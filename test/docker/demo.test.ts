import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { run } from '../support/run.ts';

const DEMO = fileURLToPath(new URL('../../scripts/demo', import.meta.url));

describe('scripts/demo', () => {
  for (const [words, typed] of [
    [[], ['docker network create -d tsbridge blue', 'nft flush ruleset', 'kill -9 $daemon', 'netctl doctor']],
    [['hosts'], ['docker exec client ping -c 1 -q web', 'netctl cluster ls']],
  ] as const) {
    it(`${words.join('')} keeps what it says and leaves the machine as it was`.trim(), async function () {
      this.timeout(300_000);
      const { stdout, stderr, code } = await run([DEMO, ...words], { timeout: 290_000, allowFail: true });
      assert.equal(code, 0, `${stdout}\n${stderr}`);
      assert.match(stdout, /\n\d+ claims held, in \d+ s\.\nThe machine is as it was before\.\n$/);
      for (const command of typed) assert.ok(stdout.includes(`\n$ ${command}\n`), command);
      assert.ok(!stdout.includes('\u001B'), 'nothing that only a terminal understands');
    });
  }
});
