import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { openEtcdStore } from '../../src/store/etcd/open-etcd-store.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { rejects } from '../support/refusal.ts';

inPrivateNamespace(import.meta.filename, () => {
  describe('openEtcdStore, answered by something else than etcd', () => {
    const refusesAnswerOf = async (answer: (socket: Socket) => void, words: RegExp): Promise<void> => {
      const server = createServer(answer).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      assert.ok(typeof address === 'object' && address !== null);
      try {
        await rejects(openEtcdStore({ endpoints: [`http://127.0.0.1:${address.port}`] }), 'UNAVAILABLE', words);
      } finally {
        server.close();
      }
    };

    it('says so when that speaks no HTTP', async () => {
      await refusesAnswerOf((socket) => socket.end('220 mail.example ESMTP\r\n'), /does not speak HTTP/);
    });

    it('says so when that speaks JSON like it, and no numbers', async () => {
      for (const header of [{ cluster_id: 'main' }, { cluster_id: 1.5 }, { cluster_id: '1', revision: 'x' }, [], null]) {
        const body = JSON.stringify({ header });
        const reply = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
        await refusesAnswerOf((socket) => socket.once('data', () => socket.end(reply)), /what answers there is no etcd/);
      }
    });
  });
});
