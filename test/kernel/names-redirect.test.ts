import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { explain } from '../../src/kernel/explain.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/open-kernel.ts';
import type { RedirectState } from '../../src/kernel/redirect.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { rejects } from '../support/refusal.ts';
import { run } from '../support/run.ts';

/**
 * Servers at ports of 127.0.0.11 that the kernel chose, and a program that owns port 53 of every address. Says
 * the ports, waits for a line, then asks 127.0.0.11:53 in every way and says what came back from where.
 */
const PROGRAM = `
import socket, sys, threading
def bound(kind, address, port):
    one = socket.socket(socket.AF_INET, kind); one.bind((address, port)); return one
udp, tcp = bound(socket.SOCK_DGRAM, '127.0.0.11', 0), bound(socket.SOCK_STREAM, '127.0.0.11', 0)
own, own_tcp = bound(socket.SOCK_DGRAM, '0.0.0.0', 53), bound(socket.SOCK_STREAM, '0.0.0.0', 53)
tcp.listen(); own_tcp.listen()
print(udp.getsockname()[1], tcp.getsockname()[1], flush=True)
sys.stdin.readline()
def answer_udp():
    while True:
        data, sender = udp.recvfrom(65535); udp.sendto(data, sender)
def answer_tcp():
    connection, _ = tcp.accept()
    while data := connection.recv(65536): connection.sendall(data)
for answer in answer_udp, answer_tcp: threading.Thread(target=answer, daemon=True).start()
there = ('127.0.0.11', 53)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.settimeout(2); client.connect(there); client.send(b'a'); print('connected', client.recv(9).decode(), *client.getpeername())
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.settimeout(2); client.sendto(b'b' * 9000, there); data, sender = client.recvfrom(65535); print('unconnected', len(data), *sender)
with socket.create_connection(there, 2) as client:
    sent = b'c' * 300000
    threading.Thread(target=client.sendall, args=(sent,), daemon=True).start()
    got = 0
    while got < len(sent): got += len(client.recv(65536))
    print('tcp', got, *client.getpeername())
own.settimeout(2); own_tcp.settimeout(2)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client: client.sendto(b'd', ('127.0.0.1', 53))
print('own', own.recv(9).decode())
with socket.create_connection(('127.0.0.1', 53), 2): print('own tcp', own_tcp.accept()[0].getsockname()[1])
`;

/** Both start together: the shell hands the program's ports to nft between its two halves. */
const ASK = `coproc P { python3 -uc "$0"; }; read -r udp tcp <&\${P[0]}; echo "$udp $tcp"; read -r _; echo go >&\${P[1]}; cat <&\${P[0]}`;

inPrivateNamespace(import.meta.filename, () => {
  describe('a redirect inside a namespace', () => {
    const state: RedirectState = { namespace: '/run/netns/web', table: 'netctl_0a0b0c0d', address: '127.0.0.11', port: 53, udp: 40_001, tcp: 40_002 };
    const kernels: Kernel[] = [];
    let netlink: Kernel;

    const ruleset = async (): Promise<string> => (await run(['ip', 'netns', 'exec', 'web', 'nft', 'list', 'ruleset'])).stdout;

    before(async () => {
      netlink = await openKernel({ executor: 'netlink' });
      kernels.push(netlink, await openKernel({ executor: 'iproute2' }));
    });

    beforeEach(() => netlink.apply([{ op: 'namespace-add', name: 'web' }]));

    afterEach(() => netlink.apply([{ op: 'namespace-delete', name: 'web' }]));

    after(async () => {
      for (const kernel of kernels) await kernel[Symbol.asyncDispose]();
    });

    it('leads what is sent to port 53 to another port and answers back, beside a program that owns port 53', async () => {
      const child = spawn('ip', ['netns', 'exec', 'web', 'bash', '-c', ASK, PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] });
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
      while (!said.includes('\n')) await once(child.stdout, 'data');
      const [udp = 0, tcp = 0] = said.trim().split(' ').map(Number);
      await netlink.apply([{ op: 'redirect-set', ...state, udp, tcp }]);
      const over = once(child, 'close');
      child.stdin.end('\n');
      await over;
      assert.deepEqual(said.trim().split('\n').slice(1), [
        'connected a 127.0.0.11 53',
        'unconnected 9000 127.0.0.11 53',
        'tcp 300000 127.0.0.11 53',
        'own d',
        'own tcp 53',
      ]);
    });

    it('is the same by netlink, by nft and as it is explained', async () => {
      const seen: string[] = [];
      for (const kernel of kernels) {
        await kernel.apply([{ op: 'redirect-set', ...state }]);
        seen.push(await ruleset());
        assert.deepEqual(await netlink.redirectsInPlace([state]), [state]);
        await kernel.apply([{ op: 'redirect-delete', namespace: state.namespace, table: state.table }]);
        assert.equal(await ruleset(), '');
      }
      await run(['bash', '-ec', explain([{ op: 'redirect-set', ...state }]).join('\n')]);
      assert.deepEqual(seen, [await ruleset(), await ruleset()]);
    });

    it('replaces what stood there, and nothing else', async () => {
      for (const kernel of kernels) {
        await run(['ip', 'netns', 'exec', 'web', 'nft', `add table netdev ${state.table}; add chain netdev ${state.table} other; add table ip mine`]);
        await kernel.apply([{ op: 'redirect-set', ...state, udp: 7 }]);
        await kernel.apply([{ op: 'redirect-set', ...state }]);
        assert.deepEqual(await netlink.redirectsInPlace([{ ...state, udp: 7 }, state]), [state]);
        assert.doesNotMatch(await ruleset(), /other/);
        assert.match(await ruleset(), /table ip mine/);
        await kernel.apply([{ op: 'redirect-delete', namespace: state.namespace, table: state.table }]);
      }
    });

    it('is not in place when a rule, the chain, the table or the namespace is gone', async () => {
      const spoil = ['flush chain netdev netctl_0a0b0c0d arrive', 'flush ruleset', 'add rule netdev netctl_0a0b0c0d arrive drop', 'insert rule netdev netctl_0a0b0c0d arrive accept'];
      for (const words of spoil) {
        await netlink.apply([{ op: 'redirect-set', ...state }]);
        await run(['ip', 'netns', 'exec', 'web', 'nft', words]);
        assert.deepEqual(await netlink.redirectsInPlace([state]), [], words);
      }
      assert.deepEqual(await netlink.redirectsInPlace([{ ...state, namespace: '/run/netns/gone' }]), []);
    });

    it('can be deleted twice, and where there is no namespace; it cannot be set there', async () => {
      for (const kernel of kernels) {
        for (const namespace of [state.namespace, '/run/netns/gone']) await kernel.apply([{ op: 'redirect-delete', namespace, table: state.table }]);
        await rejects(kernel.apply([{ op: 'redirect-set', ...state, namespace: '/run/netns/gone' }]), 'NOT_FOUND');
        await rejects(kernel.apply([{ op: 'redirect-set', ...state, table: 'x; flush ruleset' }]), 'INVALID');
        await rejects(kernel.apply([{ op: 'redirect-set', ...state, address: '10.0.0.1' }]), 'INVALID');
        await rejects(kernel.apply([{ op: 'redirect-set', ...state, tcp: 65_536 }]), 'INVALID');
      }
    });
  });
});
