import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient } from '../../src/api/client.ts';
import { holdLease } from '../../src/cli/hold-lease.ts';

describe('the lease of netctl run', () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lease-'));
    path = join(folder, 's');
  });

  afterEach(() => rm(folder, { recursive: true }));

  it('starts no daemon when the one that it had goes away in the very moment of asking again', async () => {
    // A process that is killed closes its connections before it stops listening, or the other way round.
    const server = createServer((_request, response) => void response.write('{"id":"s1"}\n'));
    const connections: Socket[] = [];
    const lookedAt = new Promise<void>((resolve) => {
      server.on('connection', (socket: Socket) => {
        if (connections.push(socket) === 2) server.close(() => resolve());
      });
    });
    server.listen(path);
    await once(server, 'listening');
    let started = 0;
    const client = new ApiClient(path, { onAbsent: async () => void (started += 1) });
    using held = await holdLease(client, path, { name: 'web', lease: { pid: 1, startTime: '1' } });
    assert.equal(held.sandbox.id, 's1');
    connections[0]?.destroy();
    await lookedAt;
    // It has asked again, in vain, when it looks for the next daemon.
    const next = createServer((_request, response) => void response.end());
    next.listen(path);
    await once(next, 'request');
    next.closeAllConnections();
    next.close();
    assert.equal(started, 0);
  });
});
