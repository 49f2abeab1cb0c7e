import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { followEvents, getNetwork, listNetworks, removeNetwork } from '../../src/api/calls.ts';
import { ApiClient } from '../../src/api/client.ts';
import { refuses, rejects } from '../support/refusal.ts';

describe('ApiClient', () => {
  let folder: string;
  let path: string;
  let server: Server | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'client-'));
    path = join(folder, 's');
  });

  afterEach(async () => {
    server?.closeAllConnections();
    server?.close();
    await rm(folder, { recursive: true });
  });

  const serve = async (listener: RequestListener): Promise<void> => {
    server = createServer(listener).listen(path);
    await once(server, 'listening');
  };

  it('gives answers, and undefined for none', async () => {
    await serve((request, response) => response.writeHead(request.method === 'DELETE' ? 204 : 200).end(request.method === 'DELETE' ? '' : '[]'));
    const client = new ApiClient(path);
    assert.deepEqual(await client.send(listNetworks()), []);
    assert.equal(await client.send(removeNetwork('blue', false)), undefined);
  });

  it('throws what the daemon says, code and words', async () => {
    await serve((_request, response) => response.writeHead(409).end('{"code": "IN_USE", "message": "network \'blue\' is in use"}'));
    await rejects(new ApiClient(path).send(removeNetwork('blue', false)), 'IN_USE', /^network 'blue' is in use$/);
  });

  it('takes a code that it does not know for a defect, and an answer that is none for another program', async () => {
    await serve((request, response) => response.writeHead(418).end(request.url === '/networks' ? '{"code": "TEAPOT", "message": "short and stout"}' : '<html>'));
    await rejects(new ApiClient(path).send(listNetworks()), 'INTERNAL', /^short and stout$/);
    await rejects(new ApiClient(path).send(getNetwork('x')), 'UNAVAILABLE', /HTTP status 418, which is no answer of a netctl daemon/);
  });

  it('says when there is no daemon', async () => {
    await rejects(new ApiClient(path).send(listNetworks()), 'UNAVAILABLE', /^no daemon listens on '.*\/s': start one with 'netctl daemon'$/);
  });

  it('has a daemon started where there is none, once', async () => {
    let asked = 0;
    const client = new ApiClient(path, {
      onAbsent: async () => {
        asked += 1;
        await serve((_request, response) => response.end('[]'));
      },
    });
    assert.deepEqual(await client.send(listNetworks()), []);
    assert.equal(asked, 1);
    await rejects(new ApiClient(`${path}2`, { onAbsent: async () => {} }).send(listNetworks()), 'UNAVAILABLE');
  });

  it('says when the daemon goes away before or in the middle of its answer', async () => {
    await serve((request, response) => {
      if (request.url === '/networks') request.socket.destroy();
      else response.writeHead(200, { 'Content-Length': 100 }).write('{"na', () => request.socket.destroy());
    });
    await rejects(new ApiClient(path).send(listNetworks()), 'UNAVAILABLE', /broke off/);
    await rejects(new ApiClient(path).send(getNetwork('blue')), 'UNAVAILABLE', /went away in the middle of its answer/);
  });

  it('gives up when told to', async () => {
    await serve(() => {});
    const abort = new AbortController();
    const answer = new ApiClient(path).send(listNetworks(), abort.signal);
    abort.abort();
    await rejects(answer, 'ABORTED');
  });

  it('gives lines whole, however they arrive, until the daemon goes', async () => {
    await serve((_request, response) => {
      response.write('{"a"');
      response.write(':1}\n{"b":2}\n{"c"', () => response.socket?.destroy());
    });
    const lines: string[] = [];
    using stream = await new ApiClient(path).lines(followEvents());
    await rejects(
      (async () => {
        for await (const line of stream) lines.push(line);
      })(),
      'UNAVAILABLE',
      /^the daemon went away$/,
    );
    assert.deepEqual(lines, ['{"a":1}', '{"b":2}']);
  });

  it('ends quietly a stream that is disposed', async () => {
    await serve((_request, response) => response.write('one\n'));
    const stream = await new ApiClient(path).lines(followEvents());
    const lines: string[] = [];
    for await (const line of stream) {
      lines.push(line);
      stream[Symbol.dispose]();
    }
    assert.deepEqual(lines, ['one']);
  });

  it('asks for no path without a name', () => {
    refuses(() => getNetwork(''), 'INVALID', /^an empty network name is not allowed$/);
    assert.equal(getNetwork('a/b?c').path, '/networks/a%2Fb%3Fc');
  });
});
