import assert from 'node:assert/strict';
import type { Background } from '../support/background.ts';
import { startDhcpd } from '../support/dhcpd.ts';
import { startDnsmasq, type Dnsmasq } from '../support/dnsmasq.ts';
import { eventually } from '../support/eventually.ts';
import { PrivateHost } from '../support/host.ts';
import { Netctl } from '../support/netctl.ts';

const POOL = 'tsdhcp/198.51.100.0/24';

/** The door as engines from 28 on use it: they say for which container an address is. */
describe('tsdhcp, told the names of containers', () => {
  let host: PrivateHost;
  let daemon: Background;
  let dnsmasq: Dnsmasq;

  before(async () => {
    host = await PrivateHost.start();
    daemon = await new Netctl(host).daemon();
    dnsmasq = await startDnsmasq(host.outside, 'lan0', '198.51.100.100,198.51.100.109,255.255.255.0');
    await call('RequestPool', { Pool: '198.51.100.0/24', Options: { parent: 'eth0', timeout: '5' } });
  });

  after(async () => {
    await dnsmasq[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  async function call(method: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    return JSON.parse(await host.sh(`curl -s --unix-socket /run/docker/plugins/tsdhcp.sock -d '${JSON.stringify(body)}' http://x/IpamDriver.${method}`)) as Record<string, unknown>;
  }

  async function ask(name: string, mac: string): Promise<string> {
    const reply = await call('RequestAddress', { PoolID: POOL, Address: '', Options: { 'com.docker.network.endpoint.name': name, 'com.docker.network.endpoint.macaddress': mac } });
    return String(reply['Address'] ?? reply['Error']);
  }

  const release = (cidr: string): Promise<unknown> => call('ReleaseAddress', { PoolID: POOL, Address: cidr.split('/')[0] });
  const leaseOf = async (hostname: string): ReturnType<Dnsmasq['leases']> => (await dnsmasq.leases()).filter((lease) => lease.hostname === hostname);

  it('gives a container of that name its address again, whatever MAC address it has, and tells the LAN the name', async () => {
    const first = await ask('project_web_1', '02:00:00:00:00:01');
    const [lease] = await leaseOf('project-web-1');
    assert.equal(first, `${lease?.address ?? ''}/24`);
    assert.match(lease?.clientId ?? '', /^ff:/);
    await release(first);
    assert.deepEqual(await eventually(() => leaseOf('project-web-1'), ({ length }) => length === 0), []);
    assert.equal(await ask('project_web_1', '02:00:00:00:00:02'), first);
    assert.deepEqual(await leaseOf('project-web-1'), [lease]);
    assert.notEqual(await ask('project_db_1', '02:00:00:00:00:03'), first);
    assert.equal((await dnsmasq.leases()).length, 2);
  });

  it('takes a container that is asked for twice for one whose engine was killed', async () => {
    const first = await ask('again', '02:00:00:00:00:04');
    assert.equal(await ask('again', '02:00:00:00:00:05'), first);
    assert.equal((await leaseOf('again')).length, 1);
    await release(first);
    assert.deepEqual(await eventually(() => leaseOf('again'), ({ length }) => length === 0), []);
  });

  it('serves a container whose name every JavaScript object has', async () => {
    assert.match(await ask('constructor', '02:00:00:00:00:08'), /^198\.51\.100\.10\d\/24$/);
    assert.equal((await leaseOf('constructor')).length, 1);
  });

  it('gives everything back with the pool', async () => {
    await call('ReleasePool', { PoolID: POOL });
    assert.deepEqual(await eventually(() => dnsmasq.leases(), ({ length }) => length === 0), []);
    assert.match(await ask('late', '02:00:00:00:00:06'), /^no such address pool 'tsdhcp\/198\.51\.100\.0\/24'/);
  });

  it('asks for the same address again when it has run out: a container cannot take another', async () => {
    const subnet = { base: '198.51.100.0', first: '198.51.100.120', last: '198.51.100.129', router: '198.51.100.1' };
    await dnsmasq[Symbol.asyncDispose]();
    const dhcpd = await startDhcpd(host.outside, 'lan0', subnet, 4);
    await call('RequestPool', { Pool: '198.51.100.0/24', Options: { parent: 'eth0', timeout: '5' } });
    const cidr = await ask('web', '02:00:00:00:00:07');
    const address = cidr.split('/')[0] ?? '';
    assert.match(address, /^198\.51\.100\.12\d$/);
    await dhcpd.kill('SIGKILL');
    await daemon.waitFor(/address lost web .*reason=expired/);
    await using again = await startDhcpd(host.outside, 'lan0', subnet, 4);
    await again.waitFor(new RegExp(`DHCPREQUEST for ${address.replaceAll('.', '[.]')} [^]*DHCPACK on ${address.replaceAll('.', '[.]')} to 02:00:00:00:00:07 [(]web[)]`));
    await release(cidr);
    await again.waitFor(new RegExp(`DHCPRELEASE of ${address.replaceAll('.', '[.]')} `));
  });
});
