import assert from 'node:assert/strict';
import { DockerLab } from '../support/docker-lab.ts';
import { startDnsmasq, type Dnsmasq } from '../support/dnsmasq.ts';
import { eventually } from '../support/eventually.ts';

const MAC = '02:00:00:00:00:07';
const RANGE = '198.51.100.100,198.51.100.109,255.255.255.0';
const LAN = ['--subnet', '198.51.100.0/24'];

describe('addresses by tsdhcp', () => {
  let lab: DockerLab;
  let dnsmasq: Dnsmasq;

  before(async () => {
    lab = await DockerLab.start();
    // A client is to come back every four seconds.
    dnsmasq = await startDnsmasq(lab.host.outside, 'lan0', RANGE, '--dhcp-option=option:T1,4', '--dhcp-option=option:T2,100', '--dhcp-option=121,10.99.0.0/16,198.51.100.1,0.0.0.0/0,198.51.100.1');
  });

  after(async () => {
    await dnsmasq[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  afterEach(async () => {
    await lab.clear();
    assert.deepEqual(await eventually(() => dnsmasq.leases(), (leases) => leases.length === 0), [], 'every lease has gone back');
    assert.deepEqual(await lab.left(), []);
  });

  const words = (driver: string, ...more: readonly string[]): string[] => ['network', 'create', '-d', driver, ...(driver === 'tsbridge' ? [] : ['-o', 'parent=eth0']), '--ipam-driver', 'tsdhcp', ...more, 'lan'];
  const create = (...more: readonly string[]): Promise<string> => lab.docker(...words('tsmacvlan', '--ipam-opt', 'parent=eth0', ...LAN, ...more));
  const addressOf = (name: string): Promise<string> => lab.docker('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', name);
  const leased = async (): Promise<string[]> => (await dnsmasq.leases()).map(({ address }) => address);
  /** How often the server has lent an address until now. */
  const acknowledged = (address: string): number => dnsmasq.process.output.split(`DHCPACK(lan0) ${address} `).length - 1;
  const isRenewed = async (address: string): Promise<boolean> => {
    const before = acknowledged(address);
    return eventually(async () => acknowledged(address) > before, Boolean);
  };

  for (const driver of ['tsmacvlan', 'macvlan']) {
    it(`come from the server of the LAN for -d ${driver}, are renewed while the container runs, and go back`, async () => {
      await lab.docker(...words(driver, '--ipam-opt', 'parent=eth0', ...LAN));
      const inside = await lab.run('web', 'lan', '--mac-address', MAC);
      const [address = ''] = await leased();
      assert.deepEqual(await lab.addresses(inside), [`eth0 ${address}/24`]);
      assert.equal(await addressOf('web'), address);
      assert.match(await inside.sh('ip route; ip link show dev eth0'), new RegExp(`^default via 198[.]51[.]100[.]1 dev eth0[^]*${MAC}`));
      if (driver === 'tsmacvlan') assert.match(await inside.sh('ip route'), /^10\.99\.0\.0\/16 via 198\.51\.100\.1 dev eth0/m);
      assert.match(await inside.sh('ping -c 1 -W 2 203.0.113.7'), / 0% packet loss/);
      assert.equal(await isRenewed(address), true);
      await lab.docker('restart', '-t', '0', 'web');
      assert.equal(await addressOf('web'), address);
    });
  }

  it('are those that were asked for, or none', async () => {
    await create('--gateway', '198.51.100.254', '--aux-address', 'printer=198.51.100.100');
    assert.match(await lab.refusal('run', '--rm', '--network', 'lan', '--ip', '198.51.100.77', 'bb', 'true'), /address 198\.51\.100\.77 is not given: DHCP server 198\.51\.100\.1 offers 198\.51\.100\.\d+ instead/);
    const inside = await lab.run('web', 'lan', '--ip', '198.51.100.107');
    assert.deepEqual([await addressOf('web'), await leased()], ['198.51.100.107', ['198.51.100.107']]);
    assert.match(await inside.sh('ip route'), /^default via 198\.51\.100\.254 dev eth0/m);
    await eventually(() => lab.netctl.run(['network', 'inspect', 'lan']), ({ code }) => code === 0);
    assert.match((await lab.netctl.run(['sandbox', 'create', '--network', 'lan', 'lab'])).stderr, /leases the addresses of the engine's containers: make one for sandboxes on the same parent/);
    assert.match(await lab.refusal('run', '--rm', '--network', 'lan', '--ip', '198.51.100.107', 'bb', 'true'), /198\.51\.100\.107 is taken by/);
    assert.match(await lab.refusal('run', '--rm', '--network', 'lan', '--ip', '198.51.100.100', 'bb', 'true'), /198\.51\.100\.100 is taken by an auxiliary address/);
  });

  it('are held on when the daemon is killed, and given back for containers that the engine has lost', async function () {
    await create();
    await lab.docker('run', '-d', '--restart', 'always', '--name', 'web', '--network', 'lan', '--mac-address', MAC, 'bb', 'sleep', '100000');
    await lab.run('gone', 'lan');
    const [web, gone] = [await addressOf('web'), await addressOf('gone')];
    await lab.daemon.kill('SIGKILL');
    lab.daemon = await lab.netctl.daemon();
    assert.equal(await isRenewed(web), true);
    await lab.engine.kill9();
    await lab.engine.start();
    await eventually(() => lab.docker('ps', '-q'), (ids) => ids !== '');
    assert.equal(await addressOf('web'), web);
    assert.deepEqual(await eventually(leased, ({ length }) => length === 1), [web], `${gone} went back`);
    await lab.engine.restart();
    await eventually(() => lab.docker('ps', '-q'), (ids) => ids !== '');
    assert.equal(await addressOf('web'), web);
  });

  it('are refused in one line that says what to do', async () => {
    const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
      ['tsmacvlan', LAN, /^remote: tsdhcp needs the link by which the DHCP server is reached: --ipam-driver tsdhcp --ipam-opt parent=eth0/],
      ['tsmacvlan', ['--ipam-opt', 'parent=eth0'], /^remote: tsdhcp needs the subnet of the LAN/],
      ['tsmacvlan', ['--ipam-opt', 'parent=nix', ...LAN], /^remote: parent 'nix' does not exist: this host has eth0/],
      ['tsmacvlan', ['--ipam-opt', 'parent=lo', ...LAN], /^remote: parent 'lo' is the loopback interface/],
      ['tsmacvlan', ['--ipam-opt', 'parent=eth0', '--ipam-opt', 'timeout=0', ...LAN], /^remote: --ipam-opt timeout='0': must be seconds, 1 to 600/],
      ['tsmacvlan', ['--ipam-opt', 'parent=eth0', '--ipam-opt', 'speed=1', ...LAN], /^remote: unknown IPAM option 'speed': tsdhcp takes parent=LINK and timeout=SECONDS/],
      ['tsmacvlan', ['--ipam-opt', 'parent=eth0', '--ip-range', '198.51.100.0/25', ...LAN], /^remote: --ip-range 198\.51\.100\.0\/25 cannot be kept/],
      ['tsmacvlan', ['--ipam-opt', 'parent=eth0', '--subnet', '10.9.0.0/24'], /remote: this engine wants to know a gateway.*by eth0: name the router of 10\.9\.0\.0\/24 with --gateway/],
      ['tsbridge', ['--ipam-opt', 'parent=eth0', ...LAN], /--ipam-driver null -o tsbridge\.ipam=dhcp/],
    ];
    for (const [driver, more, message] of refused) assert.match(await lab.refusal(...words(driver, ...more)), message);
  });

  it('that no server gives, or one of another LAN, are not waited for without end, and nothing is left', async () => {
    await lab.host.sh('ip link add quiet0 type veth peer name quiet1; ip link set quiet0 up; ip link set quiet1 up');
    await lab.docker('network', 'create', '-d', 'tsmacvlan', '-o', 'parent=quiet0', '--ipam-driver', 'tsdhcp', '--ipam-opt', 'parent=quiet0', '--ipam-opt', 'timeout=2', '--subnet', '10.8.0.0/24', '--gateway', '10.8.0.1', 'lan');
    assert.match(await lab.refusal('run', '--rm', '--network', 'lan', 'bb', 'true'), /no address for .* on 'quiet0': waited 2 s for an offer of a DHCP server; is there one on that LAN/);
    await lab.clear();
    await lab.host.sh('ip link del quiet0');
    await lab.docker(...words('tsmacvlan', '--ipam-opt', 'parent=eth0', '--subnet', '10.9.0.0/24', '--gateway', '10.9.0.1'));
    assert.match(await lab.refusal('run', '--rm', '--network', 'lan', 'bb', 'true'), /DHCP server 198\.51\.100\.1 gives 198\.51\.100\.\d+\/24, which is outside of 10\.9\.0\.0\/24: create the network with --subnet 198\.51\.100\.0\/24/);
  });
});
