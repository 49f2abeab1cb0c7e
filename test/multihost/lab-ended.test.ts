import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { needEtcd } from '../support/etcd.ts';
import { eventually } from '../support/eventually.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/lab.ts', import.meta.url));

describe('a lab that is ended', function () {
  let folder: string;

  before(async function () {
    needEtcd(this);
    folder = await mkdtemp(join(tmpdir(), 'lab-ended-'));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  it('while its machines are being made leaves nothing of them behind', async () => {
    const lab = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', SCRIPT, 'test', 'pairs'], { env: { ...process.env, TMPDIR: folder }, stdio: ['ignore', 'pipe', 'pipe'] });
    const over = once(lab, 'close') as Promise<[number | null]>;
    let said = '';
    for (const stream of [lab.stdout, lab.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    await eventually(() => readdir(folder), (names) => names.some((name) => name.startsWith('private-h2-')));
    lab.kill('SIGINT');
    const [code] = await over;
    assert.deepEqual({ code, said, left: await readdir(folder) }, { code: 2, said: 'lab: ended by SIGINT\n', left: [] });
  });
});
