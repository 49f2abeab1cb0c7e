import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Kernel, OpenSocket, SocketPlace, SocketRequest } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/open-kernel.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { rejects } from '../support/refusal.ts';
import { run } from '../support/run.ts';

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

type Wanted = Pick<SocketRequest, 'protocol' | 'port'> & SocketPlace;

inPrivateNamespace(import.meta.filename, () => {
  describe('sockets', () => {
    let kernel: Kernel;
    const tcp: Wanted = { protocol: 'tcp', address: '0.0.0.0', port: 8080, dualStack: false, listen: false };

    /** A single one. */
    const open = async ({ protocol, port, ...place }: Wanted): Promise<OpenSocket> => {
      const [[socket] = []] = await kernel.openSockets([{ protocol, port, places: [place] }]);
      assert.ok(socket);
      return socket;
    };

    before(async () => {
      kernel = await openKernel();
    });

    after(async () => {
      await kernel[Symbol.asyncDispose]();
    });

    it('keeps a port from everybody and refuses connections to it', async () => {
      using socket = await open(tcp);
      assert.equal(socket.port, 8080);
      for (const host of ['0.0.0.0', '127.0.0.1', '::']) assert.equal(await canBind(host, 8080), false, host);
      assert.equal(await canBind('::1', 8080), true);
      assert.equal(await outcome('127.0.0.1', 8080), 'ECONNREFUSED');
      await rejects(open({ ...tcp, address: '127.0.0.1' }), 'IN_USE', /tcp 127\.0\.0\.1:8080/);
    });

    it('gives the port back when disposed', async () => {
      {
        using socket = await open(tcp);
        assert.equal(socket.port, 8080);
      }
      assert.equal(await canBind('0.0.0.0', 8080), true);
    });

    it('takes both families with one socket', async () => {
      using socket = await open({ ...tcp, address: '::', dualStack: true });
      for (const host of ['127.0.0.1', '::1']) assert.equal(await canBind(host, socket.port), false, host);
      using other = await open({ ...tcp, address: '::', port: 8081 });
      assert.equal(await canBind('::1', other.port), false);
      assert.equal(await canBind('127.0.0.1', other.port), true);
    });

    it('lets the kernel choose a port, udp and tcp apart', async () => {
      using first = await open({ ...tcp, port: 0 });
      using second = await open({ ...tcp, port: first.port, protocol: 'udp' });
      assert.ok(first.port > 0);
      assert.equal(second.port, first.port);
      await rejects(open({ ...tcp, port: first.port, protocol: 'udp' }), 'IN_USE', /udp/);
    });

    it('hands a listening socket to a server, which then owns it', async () => {
      const socket = await open({ ...tcp, port: 0, listen: true });
      const server = createServer((connection) => connection.end('hello')).listen({ fd: socket.detach() });
      socket[Symbol.dispose]();
      const client = connect(socket.port, '127.0.0.1');
      assert.equal(String((await once(client, 'data'))[0]), 'hello');
      client.destroy();
      server.close();
    });

    it('hands a udp socket to a server', async () => {
      const socket = await open({ ...tcp, port: 0, protocol: 'udp', listen: true });
      const receiver = createSocket('udp4');
      receiver.bind({ fd: socket.detach() });
      const sender = createSocket('udp4');
      sender.send('ping', socket.port, '127.0.0.1');
      assert.equal(String((await once(receiver, 'message'))[0]), 'ping');
      receiver.close();
      sender.close();
    });

    it('come all or not at all', async () => {
      const at = (port: number, address = '0.0.0.0'): SocketRequest => ({ protocol: 'tcp', port, places: [{ address, dualStack: false, listen: false }] });
      using busy = await open({ ...tcp, port: 7001, address: '127.0.0.1' });
      await rejects(kernel.openSockets([at(7000), at(7001), at(7002)]), 'IN_USE', /tcp 0\.0\.0\.0:7001/);
      assert.equal(await canBind('0.0.0.0', 7000), true);
      const opened = await kernel.openSockets([at(7000), { ...at(7001), lastPort: 7003 }, at(0)]);
      assert.deepEqual(opened.slice(0, 2).map(([socket]) => socket?.port), [7000, 7002]);
      await rejects(kernel.openSockets([{ ...at(7000), lastPort: busy.port }]), 'EXHAUSTED', /every port from 7000 to 7001/);
      for (const socket of opened.flat()) socket[Symbol.dispose]();
    });

    it('get one number at several addresses, free at each of them', async () => {
      await run(['sysctl', '-qw', 'net.ipv4.ip_local_port_range=41000 41003']);
      using stack = new DisposableStack();
      for (const port of [41_000, 41_001, 41_003]) stack.use(await open({ ...tcp, port, address: '127.0.0.2' }));
      const places = ['127.0.0.1', '127.0.0.2', '::1'].map((address) => ({ address, dualStack: false, listen: false }));
      const [sockets = []] = await kernel.openSockets([{ protocol: 'tcp', port: 0, places }]);
      assert.deepEqual(sockets.map(({ address, port }) => [address, port]), [['127.0.0.1', 41_002], ['127.0.0.2', 41_002], ['::1', 41_002]]);
      await rejects(kernel.openSockets([{ protocol: 'tcp', port: 0, places }]), 'EXHAUSTED', /no port/);
      for (const socket of sockets) socket[Symbol.dispose]();
      // What was tried in vain is free again.
      assert.equal(await canBind('127.0.0.1', 41_000), true);
      await run(['sysctl', '-qw', 'net.ipv4.ip_local_port_range=32768 60999']);
    });

    it('names what the host or the kernel does not have', async () => {
      await rejects(open({ ...tcp, address: '203.0.113.9' }), 'KERNEL', /no address 203\.0\.113\.9/);
      await rejects(open({ ...tcp, address: 'localhost' }), 'INVALID', /'localhost'/);
      await rejects(open({ ...tcp, port: 65_536 }), 'INVALID', /65536/);
      const sctp = open({ ...tcp, protocol: 'sctp' });
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
