import assert from 'node:assert/strict';
import { DockerLab } from '../support/docker-lab.ts';
import { startDnsmasq, type Dnsmasq } from '../support/dnsmasq.ts';
import { eventually } from '../support/eventually.ts';

describe("containers' addresses by DHCP", () => {
  let lab: DockerLab;
  let dnsmasq: Dnsmasq;

  before(async () => {
    lab = await DockerLab.start();
    dnsmasq = await startDnsmasq(lab.host.outside, 'lan0', '198.51.100.100,198.51.100.109,255.255.255.0', '--dhcp-option=121,10.99.0.0/16,198.51.100.1,0.0.0.0/0,198.51.100.1');
  });

  after(async () => {
    await dnsmasq[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  afterEach(() => lab.clear());

  const create = (...words: string[]): Promise<string> => lab.docker('network', 'create', '-d', 'tsmacvlan', '-o', 'parent=eth0', '-o', 'tsmacvlan.ipam=dhcp', ...words, 'lan');

  it('come from the server of the LAN with --ipam-driver null, and go back to it', async () => {
    await create('--ipam-driver', 'null');
    const inside = await lab.run('web', 'lan', '--mac-address', '02:00:00:00:00:07');
    const [lease] = await dnsmasq.leases();
    assert.equal(await inside.sh('ip -4 -o addr show eth0 | tr -s " " | cut -d" " -f4'), `${lease?.address ?? ''}/24`);
    assert.equal(await lab.docker('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.Gateway}}{{end}}', 'web'), `${lease?.address ?? ''} 198.51.100.1`);
    assert.match(await inside.sh('ip route'), /^default via 198\.51\.100\.1 dev eth0[^]*^10\.99\.0\.0\/16 via 198\.51\.100\.1 dev eth0/m);
    assert.match(await inside.sh('ping -c 1 -W 2 203.0.113.7'), / 0% packet loss/);
    await lab.docker('restart', '-t', '0', 'web');
    assert.equal(await lab.docker('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', 'web'), lease?.address);
    await lab.docker('rm', '-f', 'web');
    assert.deepEqual(await eventually(() => dnsmasq.leases(), (leases) => leases.length === 0), []);
  });

  it('are refused where the engine gives them already', async () => {
    assert.match(await lab.refusal('network', 'create', '-d', 'tsmacvlan', '-o', 'parent=eth0', '-o', 'tsmacvlan.ipam=dhcp', '--subnet', '10.9.0.0/24', 'lan'), /tsmacvlan\.ipam=dhcp leaves addresses to the LAN's server, and the engine has chosen 10\.9\.0\.0\/24: add --ipam-driver null/);
    assert.match(await lab.refusal('network', 'create', '-d', 'tsmacvlan', '-o', 'parent=eth0', '--ipam-driver', 'null', 'lan'), /or -o tsmacvlan\.ipam=dhcp/);
  });
});
