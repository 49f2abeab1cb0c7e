import assert from 'node:assert/strict';
import { chmod, link, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LARGEST_BODY } from '../../plugins/docker/read-body.ts';
import { openDockerDoors } from '../../plugins/docker/open-docker-doors.ts';
import { TestDoors } from '../support/docker-doors.ts';

const NETWORK = '1'.repeat(64);
const ENDPOINT = '2'.repeat(64);

const METHODS = {
  tsbridge: [
    'Plugin.Activate', 'NetworkDriver.GetCapabilities', 'NetworkDriver.GwAllocCheck', 'NetworkDriver.AllocateNetwork', 'NetworkDriver.FreeNetwork',
    'NetworkDriver.CreateNetwork', 'NetworkDriver.DeleteNetwork', 'NetworkDriver.CreateEndpoint', 'NetworkDriver.DeleteEndpoint',
    'NetworkDriver.EndpointOperInfo', 'NetworkDriver.Join', 'NetworkDriver.Leave', 'NetworkDriver.ProgramExternalConnectivity',
    'NetworkDriver.RevokeExternalConnectivity', 'NetworkDriver.DiscoverNew', 'NetworkDriver.DiscoverDelete',
  ],
  tsipam: [
    'Plugin.Activate', 'IpamDriver.GetCapabilities', 'IpamDriver.GetDefaultAddressSpaces', 'IpamDriver.RequestPool', 'IpamDriver.ReleasePool',
    'IpamDriver.RequestAddress', 'IpamDriver.ReleaseAddress',
  ],
} as const;

/** Methods that the engine calls without a body. */
const BARE = /Activate|Capabilities|AddressSpaces|Discover/;

describe('the plugin server', () => {
  let doors: TestDoors;

  beforeEach(async () => {
    doors = await TestDoors.open();
  });

  afterEach(() => doors[Symbol.asyncDispose]());

  it('says what it implements and what it can do', async () => {
    assert.deepEqual(await doors.call('Plugin.Activate', undefined, 'tsbridge'), { Implements: ['NetworkDriver'] });
    assert.deepEqual(await doors.call('Plugin.Activate', undefined, 'tsipam'), { Implements: ['IpamDriver'] });
    assert.deepEqual(await doors.call('NetworkDriver.GetCapabilities'), { Scope: 'local', ConnectivityScope: 'local', GwAllocChecker: true });
    assert.deepEqual(await doors.call('IpamDriver.GetCapabilities'), { RequiresMACAddress: false, RequiresRequestReplay: false });
    assert.deepEqual(await doors.call('IpamDriver.GetDefaultAddressSpaces'), { LocalDefaultAddressSpace: 'tsipam', GlobalDefaultAddressSpace: 'tsipam' });
  });

  for (const [socket, methods] of Object.entries(METHODS)) {
    for (const method of methods) {
      it(`${socket}: ${method} answers whatever comes with one JSON object`, async () => {
        for (const body of ['', '\n', 'null', '{}', '[]', '7', '"x"', '{', '{"NetworkID":7}', '{"Options":[]}', '{"__proto__":{"NetworkID":"x"}}', Buffer.from([0xff, 0xfe, 0])]) {
          const { status, headers, json, text } = await doors.send(method, body, { socket });
          assert.equal(status, 200);
          assert.equal(headers['content-type'], 'application/vnd.docker.plugins.v1.2+json');
          assert.ok(typeof json === 'object' && json !== null && !Array.isArray(json));
          assert.equal(text.trim().split('\n').length, 1);
          assert.equal(json['Err'], json['Error']);
        }
        // A pool may be asked for without saying anything about it.
        assert.deepEqual(doors.left().filter((what) => !what.startsWith('pool ')), []);
      });

      if (!BARE.test(method)) {
        it(`${socket}: ${method} without a body says what to do`, async () => {
          const { Err } = await doors.call(method, undefined, socket);
          assert.match(String(Err), new RegExp(`^the engine sent ${method} without a body.*: run the docker command again$`));
        });
      }
    }
  }

  it('knows only its own methods, and only POST', async () => {
    assert.equal((await doors.send('NetworkDriver.Explode', {})).status, 404);
    assert.equal((await doors.send('IpamDriver.RequestPool', {}, { socket: 'tsbridge' })).status, 404);
    assert.equal((await doors.send('../../etc/passwd', {})).status, 404);
    assert.equal((await doors.send('NetworkDriver.GetCapabilities', undefined, { verb: 'GET' })).status, 405);
    assert.match(String((await doors.send(`x'\u001b[2J`.replaceAll('\u001b', '%1b'), {})).json['Err']), /^no method 'x\\'%1b\[2J' here$/);
  });

  it('refuses a body that is too large, and serves on', async () => {
    const { json } = await doors.send('NetworkDriver.CreateNetwork', Buffer.alloc(LARGEST_BODY + 1, 0x20));
    assert.match(String(json['Err']), /^the request has 16777217 bytes, 16777216 are allowed: publish fewer ports/);
    assert.deepEqual(await doors.call('NetworkDriver.DeleteNetwork', { NetworkID: NETWORK }), {});
  });

  it('takes every port of a container in one body', async () => {
    const all = Array.from({ length: 65_535 }, (_, index) => ({ Proto: 6, IP: '', Port: index + 1, HostIP: '', HostPort: index + 1, HostPortEnd: index + 1 }));
    const { json } = await doors.send('NetworkDriver.ProgramExternalConnectivity', { NetworkID: NETWORK, EndpointID: ENDPOINT, Options: { 'com.docker.network.portmap': all } });
    assert.match(String(json['Err']), /^no such endpoint/);
  });

  it('names the field that is wrong', async () => {
    const refusals: [string, object, RegExp][] = [
      ['NetworkDriver.CreateNetwork', { NetworkID: 'short' }, /field 'NetworkID': must be an id of 64 hex digits/],
      ['NetworkDriver.CreateNetwork', { NetworkID: NETWORK, IPv4Data: [{ Pool: 7 }] }, /field 'IPv4Data\.0\.Pool'/],
      ['NetworkDriver.Join', { NetworkID: NETWORK, EndpointID: ENDPOINT, SandboxKey: 'netns/x' }, /field 'SandboxKey': must be an absolute path/],
      ['NetworkDriver.Join', { NetworkID: NETWORK, EndpointID: ENDPOINT, SandboxKey: '/run/a\nb' }, /field 'SandboxKey'/],
    ];
    for (const [method, body, message] of refusals) assert.match(String((await doors.call(method, body))['Err']), message);
  });

  it('does not wait for the idle connections of an engine when it stops', async () => {
    const socket = connect(join(doors.folder, 'tsbridge.sock'));
    await once(socket, 'connect');
    socket.write('POST /NetworkDriver.GetCapabilities HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n');
    await once(socket, 'data');
    const fresh = connect(join(doors.folder, 'tsbridge.sock'));
    await once(fresh, 'connect');
    const ended = Promise.all([once(socket, 'close'), once(fresh, 'close')]);
    const started = performance.now();
    await doors.doors[Symbol.asyncDispose]();
    await ended;
    assert.ok(performance.now() - started < 1000);
    assert.deepEqual(await readdir(doors.folder), []);
  });
});

const SOCKETS = ['tsbridge.sock', 'tsmacvlan.sock', 'tsipvlan.sock', 'tsoverlay.sock', 'tsipam.sock', 'tsdhcp.sock'];

describe('a plugin socket', () => {
  let doors: TestDoors;
  let folder: string;

  beforeEach(async () => {
    doors = await TestDoors.open();
    folder = await mkdtemp(join(tmpdir(), 'sockets-'));
  });

  afterEach(async () => {
    await doors[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const open = (where = folder, combined?: string): ReturnType<typeof openDockerDoors> =>
    openDockerDoors(doors.controller, where, { engineSocket: false, ...(combined === undefined ? {} : { combined }) });

  it('is for its owner only, and gone when the doors close', async () => {
    await chmod(folder, 0o755);
    const opened = await open();
    assert.deepEqual((await readdir(folder)).toSorted(), SOCKETS.toSorted());
    for (const path of opened.sockets) assert.equal((await stat(path)).mode & 0o7777, 0o600);
    await opened[Symbol.asyncDispose]();
    assert.deepEqual(await readdir(folder), []);
  });

  it('is made in a folder that is not there yet', async () => {
    await using opened = await open(join(folder, 'run/docker/plugins'));
    assert.deepEqual(opened.sockets, SOCKETS.map((name) => join(folder, 'run/docker/plugins', name)));
  });

  it('replaces one that a dead owner left', async () => {
    const path = join(folder, 'tsbridge.sock');
    const dead = createServer().listen(join(folder, 'dead'));
    await once(dead, 'listening');
    await link(join(folder, 'dead'), path);
    dead.close();
    await once(dead, 'close');
    await using opened = await open();
    assert.equal(opened.sockets[0], path);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
  });

  it('leaves a living one alone and says so', async () => {
    await using first = await open();
    await assert.rejects(open(), { code: 'IN_USE', message: `somebody listens at ${first.sockets[0]}: stop the other netctl daemon (or plugin), or choose another folder with --docker-plugins` });
    assert.deepEqual((await readdir(folder)).toSorted(), SOCKETS.toSorted());
  });

  it('does not remove what another has put in its place', async () => {
    const first = await open();
    await rm(first.sockets[0] ?? '');
    await writeFile(first.sockets[0] ?? '', 'not ours');
    await first[Symbol.asyncDispose]();
    assert.deepEqual(await readdir(folder), ['tsbridge.sock']);
  });

  it('does not take the place of a file, nor a path that is too long', async () => {
    await writeFile(join(folder, 'tsbridge.sock'), 'a file');
    await assert.rejects(open(), { code: 'INVALID', message: /exists and is no socket/ });
    await assert.rejects(open(join(folder, 'x'.repeat(100))), { code: 'INVALID', message: /longer than 107 bytes/ });
    assert.deepEqual(await readdir(folder), ['tsbridge.sock']);
  });

  it('serves both drivers at once as a managed plugin has it', async () => {
    await using both = await open(folder, 'plugin.sock');
    assert.deepEqual(both.sockets, [join(folder, 'plugin.sock')]);
    const socket = connect(both.sockets[0] ?? '');
    socket.write('POST /Plugin.Activate HTTP/1.0\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.match(answer.toString(), /\{"Implements":\["NetworkDriver","IpamDriver"\]\}/);
    socket.destroy();
  });
});
