import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { TestDoors } from '../support/docker-doors.ts';

type Body = Readonly<Record<string, unknown>>;

describe('the IPAM driver door', () => {
  let doors: TestDoors;

  beforeEach(async () => {
    doors = await TestDoors.open();
  });

  afterEach(() => doors[Symbol.asyncDispose]());

  const call = (method: string, body: object): Promise<Body> => doors.call(`IpamDriver.${method}`, body);
  const pool = async (body: Body): Promise<string> => String((await call('RequestPool', { AddressSpace: 'tsipam', Pool: '', SubPool: '', Options: {}, V6: false, ...body }))['PoolID']);
  const address = async (PoolID: string, Address = '', Options: Body | null = null): Promise<unknown> => {
    const reply = await call('RequestAddress', { PoolID, Address, Options });
    return reply['Address'] ?? reply['Error'];
  };

  it('gives a different free pool each time, clear of what the host has, in both families', async () => {
    assert.deepEqual([await pool({}), await pool({}), await pool({})], ['tsipam/172.18.0.0/16', 'tsipam/172.19.0.0/16', 'tsipam/172.20.0.0/16']);
    const [first, second] = [await pool({ V6: true }), await pool({ V6: true })];
    assert.match(first, /^tsipam\/fd[0-9a-f:]+\/64$/);
    assert.match(second, /^tsipam\/fd[0-9a-f:]+\/64$/);
    assert.notEqual(first, second);
  });

  it('gives the lowest address, the one asked for, those of a range', async () => {
    const id = await pool({ Pool: '10.3.0.0/24' });
    assert.equal(await address(id, '', { RequestAddressType: 'com.docker.network.gateway' }), '10.3.0.1/24');
    assert.equal(await address(id), '10.3.0.2/24');
    assert.equal(await address(id, '10.3.0.77'), '10.3.0.77/24');
    const ranged = await pool({ Pool: '10.4.0.0/16', SubPool: '10.4.5.0/24' });
    assert.match(String(await address(ranged)), /^10\.4\.5\.\d+\/16$/);
  });

  it('refuses with words for the user', async () => {
    const id = await pool({ Pool: '10.3.0.0/30' });
    const refused: [string, Body, RegExp][] = [
      ['RequestPool', { Pool: '10.3.0.0/24' }, /^subnet 10\.3\.0\.0\/24 overlaps 10\.3\.0\.0\/30 of the engine's IPAM; choose another/],
      ['RequestPool', { Pool: '172.17.0.0/16' }, /which this host reaches directly/],
      ['RequestPool', { Pool: '10.5.0.1/24' }, /has host bits set; the network is 10\.5\.0\.0\/24$/],
      ['RequestPool', { Pool: '10.5.0.0/24', SubPool: '10.6.0.0/24' }, /./],
      ['RequestPool', { Options: { size: '24' } }, /^unknown IPAM option 'size': tsipam takes none/],
      ['RequestPool', { Pool: '10.5.0.0/24', V6: true }, /./],
      ['RequestAddress', { PoolID: 'tsipam/1', Address: '' }, /^no such address pool 'tsipam\/1'/],
      ['RequestAddress', { PoolID: id, Address: '10.9.0.1' }, /10\.9\.0\.1/],
      ['RequestAddress', { PoolID: id, Address: 'x\ny' }, /^'x\\ny' is not an IP address/],
    ];
    for (const [method, body, message] of refused) {
      const reply = await call(method, { Options: {}, ...body });
      assert.match(String(reply['Error']), message, JSON.stringify(body));
      assert.equal(reply['Error'], reply['Err']);
      assert.equal(String(reply['Error']).includes('\n'), false);
    }
    assert.equal(await address(id), '10.3.0.1/30');
    assert.equal(await address(id), '10.3.0.2/30');
    assert.match(String(await address(id)), /10\.3\.0\.0\/30/);
  });

  it('says for whom an address is, where the engine says so', async () => {
    const id = await pool({ Pool: '10.3.0.0/24' });
    await address(id, '10.3.0.9', { 'com.docker.network.endpoint.name': 'web' });
    assert.match(String(await address(id, '10.3.0.9')), /container 'web'/);
  });

  it('takes back what is not there', async () => {
    const id = await pool({ Pool: '10.3.0.0/24' });
    assert.deepEqual(await call('ReleaseAddress', { PoolID: id, Address: '10.3.0.9' }), {});
    assert.deepEqual(await call('ReleaseAddress', { PoolID: 'nothing', Address: '' }), {});
    assert.deepEqual(await call('ReleasePool', { PoolID: 'nothing' }), {});
    assert.deepEqual(await call('ReleasePool', { PoolID: id }), {});
    assert.deepEqual(await call('ReleasePool', { PoolID: id }), {});
    assert.deepEqual(doors.left(), []);
  });

  it('remembers pools and addresses when it starts again', async () => {
    const id = await pool({ Pool: '10.3.0.0/24' });
    await address(id, '10.3.0.9');
    await doors[Symbol.asyncDispose]();
    doors = await TestDoors.open({}, doors);
    assert.match(String(await address(id, '10.3.0.9')), /10\.3\.0\.9/);
    assert.deepEqual(await call('ReleaseAddress', { PoolID: id, Address: '10.3.0.9' }), {});
    assert.equal(await address(id, '10.3.0.9'), '10.3.0.9/24');
  });

  it('gives a network of tsbridge its own pool', async () => {
    await pool({ Pool: '10.3.0.0/24' });
    const id = 'ab'.repeat(32);
    assert.deepEqual(await doors.call('NetworkDriver.CreateNetwork', { NetworkID: id, Options: {}, IPv4Data: [{ Pool: '10.3.0.0/24', Gateway: '10.3.0.1/24' }], IPv6Data: [] }), {});
    assert.equal(doors.controller.network(id).ipv4[0]?.poolId, 'tsipam/10.3.0.0/24');
    // As dockerd does it: the pool goes first.
    assert.deepEqual(await call('ReleasePool', { PoolID: 'tsipam/10.3.0.0/24' }), {});
    assert.deepEqual(await doors.call('NetworkDriver.DeleteNetwork', { NetworkID: id }), {});
    assert.deepEqual(doors.left(), []);
  });

  for (const [method, body] of [
    ['RequestPool', { Pool: '10.3.0.0/24', Options: {} }],
    ['RequestAddress', { PoolID: 'tsipam/10.4.0.0/24', Address: '10.4.0.9', Options: null }],
  ] as const) {
    it(`takes a ${method} back whose answer nobody hears: the engine will ask again`, async () => {
      await pool({ Pool: '10.4.0.0/24' });
      const taken = (): string => JSON.stringify(doors.controller.engine.pools());
      const before = taken();
      const commit = doors.store.commit.bind(doors.store);
      const written = new Promise<void>((resolve) => {
        doors.store.commit = async (changes) => {
          // The caller goes while we write down what it asked for.
          socket.destroy();
          await once(socket, 'close');
          await new Promise(setImmediate);
          doors.store.commit = commit;
          const revision = await commit(changes);
          resolve();
          return revision;
        };
      });
      const socket = connect(join(doors.folder, 'tsipam.sock'));
      const text = JSON.stringify(body);
      socket.write(`POST /IpamDriver.${method} HTTP/1.1\r\nHost: x\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
      await written;
      for (let turn = 0; turn < 100 && taken() !== before; turn += 1) await new Promise(setImmediate);
      assert.equal(taken(), before);
      assert.equal((await call(method, body))['Error'], undefined);
    });
  }
});
