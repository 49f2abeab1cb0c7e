import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { PrivateHost } from '../support/host.ts';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const INDEX = readFileSync(new URL('../../src/index.ts', import.meta.url), 'utf8');
const CONTROLLER = readFileSync(new URL('../../src/controller/controller.ts', import.meta.url), 'utf8');
const ENTRY = new URL('../../src/index.ts', import.meta.url).href;

/** Programs shown to users, with the package's name resolved to the sources. */
function examples(): Map<string, string> {
  return new Map([
    ['the README', block(README)],
    ['the documentation of the package', block(INDEX)],
  ]);
}

function block(text: string): string {
  return (/```ts\n([^]*?)```/.exec(text)?.[1] ?? '').replaceAll(/^ *\* ?/gm, '').replaceAll("'libnetwork-ts'", `'${ENTRY}'`);
}

describe('the library', () => {
  for (const [where, program] of examples()) {
    it(`does what ${where} shows`, async () => {
      await using host = await PrivateHost.start();
      assert.match(program, /openHost/);
      await host.exec([process.execPath, '--input-type=module-typescript', '--eval', program]);
      assert.match(await host.sh('ip -n web -br address show eth0'), /10\.9\.0\.2\/24/);
      assert.match(await host.sh('ip netns exec web ping -c 1 -W 1 10.9.0.1'), /1 received/);
    });
  }

  it('says beforehand what a request would do, as the documentation of rehearse() shows', async () => {
    await using host = await PrivateHost.start();
    const program = `import { explain, openHost } from '${ENTRY}';
      await using host = await openHost({ stateFolder: '/var/lib/my-lab' });
      const { controller } = host;
      ${block(CONTROLLER.slice(CONTROLLER.indexOf('What a task would do to the kernel')))}`;
    const { stdout } = await host.exec([process.execPath, '--input-type=module-typescript', '--eval', program]);
    assert.match(stdout, /^ip link add .* type bridge/m);
    assert.equal((await host.sh('ip -br link show type bridge')).trim(), '');
  });
});
