import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Kernel, SocketRequest } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/open-kernel.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { rejects } from '../support/refusal.ts';

const outcome = async (host: string, port: number): Promise<string> => {
  const socket = connect(port, host);
  try {
    await once(socket, 'connect');
    return 'connected';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  } finally {
    socket.destroy();
  }
};

/** Whether another program could have the port. */
const canBind = async (host: string, port: number): Promise<boolean> => {
  const server = createServer();
  server.listen({ host, port, ipv6Only: false });
  try {
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
};

inPrivateNamespace(import.meta.filename, () => {
  describe('sockets', () => {
    let kernel: Kernel;
    const tcp: SocketRequest = { protocol: 'tcp', address: '0.0.0.0', port: 8080, dualStack: false, listen: false };

    before(async () => {
      kernel = await openKernel();
    });

    after(async () => {
      await kernel[Symbol.asyncDispose]();
    });

    it('keeps a port from everybody and refuses connections to it', async () => {
      using socket = await kernel.openSocket(tcp);
      assert.equal(socket.port, 8080);
      for (const host of ['0.0.0.0', '127.0.0.1', '::']) assert.equal(await canBind(host, 8080), false, host);
      assert.equal(await canBind('::1', 8080), true);
      assert.equal(await outcome('127.0.0.1', 8080), 'ECONNREFUSED');
      await rejects(kernel.openSocket({ ...tcp, address: '127.0.0.1' }), 'IN_USE', /tcp 127\.0\.0\.1:8080/);
    });

    it('gives the port back when disposed', async () => {
      {
        using socket = await kernel.openSocket(tcp);
        assert.equal(socket.port, 8080);
      }
      assert.equal(await canBind('0.0.0.0', 8080), true);
    });

    it('takes both families with one socket', async () => {
      using socket = await kernel.openSocket({ ...tcp, address: '::', dualStack: true });
      for (const host of ['127.0.0.1', '::1']) assert.equal(await canBind(host, socket.port), false, host);
      using other = await kernel.openSocket({ ...tcp, address: '::', port: 8081 });
      assert.equal(await canBind('::1', other.port), false);
      assert.equal(await canBind('127.0.0.1', other.port), true);
    });

    it('lets the kernel choose a port, udp and tcp apart', async () => {
      using first = await kernel.openSocket({ ...tcp, port: 0 });
      using second = await kernel.openSocket({ ...tcp, port: first.port, protocol: 'udp' });
      assert.ok(first.port > 0);
      assert.equal(second.port, first.port);
      await rejects(kernel.openSocket({ ...tcp, port: first.port, protocol: 'udp' }), 'IN_USE', /udp/);
    });

    it('hands a listening socket to a server, which then owns it', async () => {
      const socket = await kernel.openSocket({ ...tcp, port: 0, listen: true });
      const server = createServer((connection) => connection.end('hello')).listen({ fd: socket.detach() });
      socket[Symbol.dispose]();
      const client = connect(socket.port, '127.0.0.1');
      assert.equal(String((await once(client, 'data'))[0]), 'hello');
      client.destroy();
      server.close();
    });

    it('hands a udp socket to a server', async () => {
      const socket = await kernel.openSocket({ ...tcp, port: 0, protocol: 'udp', listen: true });
      const receiver = createSocket('udp4');
      receiver.bind({ fd: socket.detach() });
      const sender = createSocket('udp4');
      sender.send('ping', socket.port, '127.0.0.1');
      assert.equal(String((await once(receiver, 'message'))[0]), 'ping');
      receiver.close();
      sender.close();
    });

    it('names what the host or the kernel does not have', async () => {
      await rejects(kernel.openSocket({ ...tcp, address: '203.0.113.9' }), 'KERNEL', /no address 203\.0\.113\.9/);
      await rejects(kernel.openSocket({ ...tcp, address: 'localhost' }), 'INVALID', /'localhost'/);
      await rejects(kernel.openSocket({ ...tcp, port: 65_536 }), 'INVALID', /65536/);
      const sctp = kernel.openSocket({ ...tcp, protocol: 'sctp' });
      if (readFileSync('/proc/net/protocols', 'utf8').includes('SCTP')) (await sctp)[Symbol.dispose]();
      else await rejects(sctp, 'UNSUPPORTED', /sctp/);
    });

    it('may open as many files as its rights allow', () => {
      const [, soft, hard] = /Max open files\s+(\d+)\s+(\d+)/u.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
      // CAP_SYS_RESOURCE is bit 24.
      const mayRaise = (BigInt(`0x${/CapEff:\s+(\w+)/u.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`) >> 24n) & 1n;
      assert.equal(soft, hard);
      if (mayRaise === 1n) assert.ok(Number(hard) >= 1 << 20, hard);
    });
  });
});
