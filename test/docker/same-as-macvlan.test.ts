import assert from 'node:assert/strict';
import { DockerLab } from '../support/docker-lab.ts';
import { INTERNET } from '../support/lan.ts';
import { pings, type Observation } from './cases/case.ts';

const ON_LAN = ['--subnet', '198.51.100.0/24', '--ip-range', '198.51.100.192/27', '--gateway', '198.51.100.1', '--aux-address', 'printer=198.51.100.192'];

/** Something that a user does with networks on a LAN, and what comes of it on either driver. */
interface Case {
  readonly title: string;
  readonly observe: (lab: DockerLab, create: (name: string, ...words: readonly string[]) => Promise<string>) => Promise<Observation>;
  readonly expected: Observation;
}

const CASES: readonly Case[] = [
  {
    title: 'containers are on the LAN with addresses of its range, by name and by its router on the internet, and the host does not reach them',
    async observe(lab, create) {
      await create('lan', ...ON_LAN);
      const web = await lab.run('web', 'lan', '--network-alias', 'www');
      await lab.run('given', 'lan', '--ip', '198.51.100.77', '--mac-address', '02:00:00:00:00:77');
      const [network] = JSON.parse(await lab.docker('network', 'inspect', 'lan')) as { Options: unknown; IPAM: { Config: unknown } }[];
      return {
        addresses: await lab.addresses(web),
        route: await web.sh('ip -o route show default; ip -o link show eth0 | grep -o "mtu [0-9]*"'),
        pings: await Promise.all(['given', '198.51.100.1', INTERNET.address4].map((target) => pings(lab, 'web', target))),
        names: [await pings(lab, 'given', 'www'), await pings(lab, 'given', 'web')],
        outside: (await lab.host.outside.exec(['ping', '-c1', '-W2', '198.51.100.77'], { allowFail: true })).code,
        known: (await lab.host.outside.sh('ip neigh show 198.51.100.77')).includes('02:00:00:00:00:77'),
        host: (await lab.host.exec(['ping', '-c1', '-W1', '198.51.100.77'], { allowFail: true })).code,
        inspect: [network?.Options, network?.IPAM.Config],
        taken: (await lab.refusal('run', '--rm', '--network', 'lan', '--ip', '198.51.100.77', 'bb', 'true')).includes('Address already in use'),
      };
    },
    expected: {
      addresses: ['eth0 198.51.100.193/24'],
      route: 'default via 198.51.100.1 dev eth0 \nmtu 1500',
      pings: [true, true, true],
      names: [true, true],
      outside: 0,
      known: true,
      host: 1,
      inspect: [{ parent: 'eth0' }, [{ Subnet: '198.51.100.0/24', IPRange: '198.51.100.192/27', Gateway: '198.51.100.1', AuxiliaryAddresses: { printer: '198.51.100.192' } }]],
      taken: true,
    },
  },
  {
    title: 'both families',
    async observe(lab, create) {
      await create('lan', '--ipv6', ...ON_LAN, '--subnet', '2001:db8:100::/64', '--gateway', '2001:db8:100::1');
      const web = await lab.run('web', 'lan', '--ip6', '2001:db8:100::77');
      return {
        addresses: (await lab.addresses(web)).toSorted(),
        route: (await web.sh('ip -6 -o route show default')).replace(/ metric.*/, ''),
        pings: [await pings(lab, 'web', '2001:db8:100::1'), await pings(lab, 'web', INTERNET.address6)],
      };
    },
    expected: { addresses: ['eth0 198.51.100.193/24', 'eth0 2001:db8:100::77/64'], route: 'default via 2001:db8:100::1 dev eth0', pings: [true, true] },
  },
  {
    title: 'an interface more and one less while the container lives, and one that starts again',
    async observe(lab, create) {
      await create('lan', ...ON_LAN);
      await lab.docker('network', 'create', 'own');
      const web = await lab.run('web', 'own');
      await lab.docker('network', 'connect', '--ip', '198.51.100.78', 'lan', 'web');
      const connected = [(await lab.addresses(web)).at(-1), await pings(lab, 'web', '198.51.100.1')];
      await lab.docker('restart', '-t', '0', 'web');
      const restarted = [(await lab.addresses(await lab.engine.container('web'))).some((line) => line.endsWith('198.51.100.78/24')), await pings(lab, 'web', '198.51.100.1')];
      await lab.docker('network', 'disconnect', 'lan', 'web');
      return { connected, restarted, left: (await lab.addresses(await lab.engine.container('web'))).length, use: /has active endpoints/.test(await lab.refusal('network', 'rm', 'own')) };
    },
    expected: { connected: ['eth1 198.51.100.78/24', true], restarted: [true, true], left: 1, use: true },
  },
  {
    title: 'private and internal networks',
    async observe(lab, create) {
      await create('apart', ...ON_LAN, '-o', 'macvlan_mode=private');
      await lab.run('one', 'apart');
      await lab.run('two', 'apart');
      const apart = [await pings(lab, 'one', 'two'), await pings(lab, 'one', '198.51.100.1')];
      await lab.clear();
      await create('inner', ...ON_LAN, '--internal');
      const inner = await lab.run('one', 'inner');
      return { apart, internal: await inner.sh('ip -o route show default') };
    },
    expected: { apart: [false, true], internal: '' },
  },
  {
    title: 'refusals',
    async observe(_lab, create) {
      const code = async (...words: readonly string[]): Promise<boolean> => create('bad', ...ON_LAN, ...words).then(() => false, () => true);
      return { mode: await code('-o', 'macvlan_mode=nix'), parent: await code('-o', 'parent=nix'), vlan: await code('-o', 'parent=eth0.4095'), lo: await code('-o', 'parent=lo') };
    },
    expected: { mode: true, parent: true, vlan: true, lo: true },
  },
];

describe('networks of tsmacvlan and of the built-in macvlan', () => {
  let lab: DockerLab;

  before(async () => {
    lab = await DockerLab.start();
  });

  after(() => lab[Symbol.asyncDispose]());

  afterEach(() => lab.clear());

  for (const { title, observe, expected } of CASES) {
    for (const driver of ['tsmacvlan', 'macvlan'] as const) {
      it(`${title} (-d ${driver})`, async () => {
        await lab.settle();
        const create = (name: string, ...words: readonly string[]): Promise<string> => {
          return lab.docker('network', 'create', '-d', driver, ...(words.some((word) => word.startsWith('parent=')) ? [] : ['-o', 'parent=eth0']), ...words, name);
        };
        assert.deepEqual(await observe(lab, create), expected);
        await lab.clear();
        if (driver === 'tsmacvlan') assert.deepEqual(await lab.left(), []);
      });
    }
  }
});
