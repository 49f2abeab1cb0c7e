import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PluginClient } from '../../drivers/remote/plugin-client.ts';

describe('the words of a Docker plugin', () => {
  it('neither steer the terminal nor fill it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'words-'));
    const place = join(folder, 'far.sock');
    const server = createServer((_request, response) => void response.end(JSON.stringify({ Err: `\u001b[2Jno\r\nway ${'x'.repeat(9000)}` })));
    server.listen(place);
    await once(server, 'listening');
    try {
      const client = new PluginClient({ name: 'far', place, target: { socketPath: place } }, { patience: 2000, observe: () => {} });
      const error = await client.call('NetworkDriver.Join', {}).then(() => assert.fail('not refused'), (thrown: Error) => thrown);
      assert.match(error.message, /^plugin 'far' refused NetworkDriver\.Join: \\u\{1b\}\[2Jno way x{400,500}…$/);
    } finally {
      server.close();
      await rm(folder, { recursive: true });
    }
  });
});
