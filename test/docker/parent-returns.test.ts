import assert from 'node:assert/strict';
import { DockerLab } from '../support/docker-lab.ts';
import { startDnsmasq } from '../support/dnsmasq.ts';
import { eventually } from '../support/eventually.ts';

const WIRE = '10.6.0.200';
const SUBNET = ['--subnet', '10.6.0.0/24', '--gateway', WIRE];

/** Ways to have a container on a parent. */
const WAYS: Readonly<Record<string, readonly string[]>> = {
  'with an address of the engine': SUBNET,
  'with one by tsdhcp': ['--ipam-driver', 'tsdhcp', '--ipam-opt', 'parent=spare', ...SUBNET],
  'with one by --ipam-driver null': ['--ipam-driver', 'null', '-o', 'tsmacvlan.ipam=dhcp'],
};

describe('a container whose parent goes away and comes back', () => {
  let lab: DockerLab;

  before(async () => {
    lab = await DockerLab.start();
  });

  after(() => lab[Symbol.asyncDispose]());

  const parent = `ip link add spare type veth peer name wire; ip addr add ${WIRE}/24 dev wire; ip link set wire up; ip link set spare up`;

  for (const [way, words] of Object.entries(WAYS)) {
    it(`is on its LAN again, ${way}`, async () => {
      await lab.host.sh(parent);
      await using _dnsmasq = await startDnsmasq(lab.host, 'wire', '10.6.0.100,10.6.0.109,255.255.255.0', `--dhcp-option=121,10.99.0.0/16,10.6.0.1,0.0.0.0/0,${WIRE}`);
      await lab.docker('network', 'create', '-d', 'tsmacvlan', '-o', 'parent=spare', ...words, 'usb');
      const web = await lab.run('web', 'usb');
      const what = async (): Promise<readonly string[]> => [
        ...(await lab.addresses(web)),
        ...(await web.sh('ip -o route show | tr -s " " | sed "s/ proto kernel//; s/ $//"; ip -o link show eth0 | grep -o "link/ether [0-9a-f:]*" || true')).split('\n').toSorted(),
      ];
      const before = await what();
      assert.ok(before.some((line) => line.startsWith(`default via ${WIRE}`)), before.join('; '));
      await lab.host.sh('ip link del spare');
      assert.equal((await what()).length < before.length, true);
      await lab.host.sh(parent);
      assert.deepEqual(await eventually(what, (now) => now.join() === before.join()), before);
      assert.match(await web.sh(`ping -c 1 -W 2 ${WIRE}`), / 0% packet loss/);
      await lab.clear();
      await lab.host.sh('ip link del spare');
    });
  }
});
