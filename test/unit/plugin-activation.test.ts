import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Plugins } from '../../drivers/remote/plugins.ts';
import { rejects } from '../support/refusal.ts';

describe('a Docker plugin that is asked for by two at once', () => {
  it('is there for the one who waits, when the other gives up', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'activation-'));
    const asked: ServerResponse[] = [];
    const first = Promise.withResolvers<void>();
    const server = createServer((request, response) => {
      if (request.url !== '/Plugin.Activate') return void response.end(JSON.stringify({ Scope: 'local' }));
      // The first who asks gets no answer.
      if (asked.push(response) === 1) first.resolve();
      else response.end(JSON.stringify({ Implements: ['NetworkDriver'] }));
    });
    server.listen(join(folder, 'far.sock'));
    await once(server, 'listening');
    try {
      const plugins = new Plugins({ folders: [folder], patience: 10_000 });
      const gone = new AbortController();
      const refused = rejects(plugins.network('far', { signal: gone.signal }), 'ABORTED');
      await first.promise;
      const found = plugins.network('far');
      // It is waiting for the same answer by now.
      await new Promise((resolve) => setTimeout(resolve, 100));
      gone.abort();
      await refused;
      assert.equal((await found).plugin.name, 'far');
      assert.equal(asked.length, 2);
    } finally {
      server.close();
      await rm(folder, { recursive: true });
    }
  });
});
