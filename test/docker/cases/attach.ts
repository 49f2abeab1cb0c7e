import { INTERNET } from '../../support/lan.ts';
import { pings, type Case } from './case.ts';

/** How containers are attached: names, addresses, options, interfaces. */
export const ATTACH: readonly Case[] = [
  {
    title: 'containers reach each other by name, alias and short id, and the internet under the address of the host',
    async observe(lab, driver) {
      await lab.docker('network', 'create', '-d', driver, '--subnet', '10.20.0.0/24', 'blue');
      const web = await lab.run('web', 'blue', '--network-alias', 'www');
      const client = await lab.run('client', 'blue');
      const id = (await lab.docker('inspect', '-f', '{{.Id}}', 'web')).slice(0, 12);
      await using served = await lab.host.outside.serve(0, 'tcp', 'internet');
      return {
        pings: await Promise.all(['web', 'www', id, 'web.blue', '10.20.0.2'].map((target) => pings(lab, 'client', target))),
        addresses: [await lab.addresses(web), await lab.addresses(client)],
        route: await client.sh('ip -o route show default'),
        mtu: await client.sh('ip -o link show eth0 | grep -o "mtu [0-9]*"'),
        ipv6: await client.sh('sysctl -n net.ipv6.conf.eth0.disable_ipv6'),
        internet: (await client.probe(INTERNET.address4, served.port)).answer.replace(/ \d+\n$/, ''),
      };
    },
    expected: {
      pings: [true, true, true, true, true],
      addresses: [['eth0 10.20.0.2/24'], ['eth0 10.20.0.3/24']],
      route: 'default via 10.20.0.1 dev eth0 ',
      mtu: 'mtu 1500',
      ipv6: '1',
      internet: 'internet from 198.51.100.10',
    },
  },
  {
    title: 'subnet, range, gateway, auxiliary and static addresses of both families, and a MAC address',
    async observe(lab, driver) {
      await lab.docker(
        'network', 'create', '-d', driver, '--ipv6', '--subnet', '10.21.0.0/16', '--ip-range', '10.21.7.0/24', '--gateway', '10.21.0.254', '--aux-address', 'router=10.21.7.1',
        '--subnet', 'fd00:21::/64', '--gateway', 'fd00:21::fe', 'blue',
      );
      const given = await lab.run('given', 'blue', '--ip', '10.21.9.9', '--ip6', 'fd00:21::9', '--mac-address', '02:00:00:00:00:09');
      const free = await lab.run('free', 'blue');
      return {
        given: (await lab.addresses(given)).toSorted(),
        mac: await given.sh('cat /proc/net/arp >/dev/null; ip -o link show eth0 | grep -o "link/ether [0-9a-f:]*"'),
        free: (await lab.addresses(free)).toSorted(),
        routes: [await free.sh('ip -o route show default'), (await free.sh('ip -6 -o route show default')).replace(/ metric.*/, '')],
        pings: [await pings(lab, 'free', '10.21.9.9'), await pings(lab, 'free', 'fd00:21::9'), await pings(lab, 'free', 'fd00:21::fe')],
        taken: (await lab.refusal('run', '--rm', '--network', 'blue', '--ip', '10.21.9.9', 'bb', 'true')).includes('Address already in use'),
        outside: (await lab.refusal('run', '--rm', '--network', 'blue', '--ip', '10.99.0.1', 'bb', 'true')) !== '',
      };
    },
    expected: {
      given: ['eth0 10.21.9.9/16', 'eth0 fd00:21::9/64'],
      mac: 'link/ether 02:00:00:00:00:09',
      free: ['eth0 10.21.7.0/16', 'eth0 fd00:21::1/64'],
      routes: ['default via 10.21.0.254 dev eth0 ', 'default via fd00:21::fe dev eth0'],
      pings: [true, true, true],
      taken: true,
      outside: true,
    },
  },
  {
    title: 'bridge name, MTU and interface prefix, and the same bridge name twice',
    async observe(lab, driver) {
      const named = ['-o', 'com.docker.network.bridge.name=mybridge'];
      await lab.docker('network', 'create', '-d', driver, ...named, '-o', 'com.docker.network.driver.mtu=1400', '-o', 'com.docker.network.container_iface_prefix=lan', '--subnet', '10.22.0.0/24', 'blue');
      const web = await lab.run('web', 'blue');
      const again = await lab.engine.docker(['network', 'create', '-d', driver, ...named, 'red'], { allowFail: true });
      return {
        bridge: await lab.host.sh('ip -o address show mybridge | grep -o "inet [0-9./]*"; ip -o link show mybridge | grep -o "mtu [0-9]*"'),
        inside: await web.sh('ip -o link | grep -o "lan0.*mtu [0-9]*" | sed "s/@[^ ]*//; s/<.*>//"'),
        again: again.code,
      };
    },
    // A bridge of the engine's own takes the MTU when its first port comes.
    expected: { bridge: 'inet 10.22.0.1/24\nmtu 1400', inside: 'lan0  mtu 1400', again: 1 },
  },
  {
    title: 'an interface more and one less while the container lives',
    async observe(lab, driver) {
      await lab.docker('network', 'create', '-d', driver, '--subnet', '10.23.0.0/24', 'blue');
      await lab.docker('network', 'create', '-d', driver, '--subnet', '10.24.0.0/24', 'red');
      const web = await lab.run('web', 'blue');
      await lab.run('friend', 'red');
      await lab.docker('network', 'connect', '--ip', '10.24.0.77', '--alias', 'second', 'red', 'web');
      const connected = { addresses: await lab.addresses(web), ping: await pings(lab, 'web', 'friend'), back: await pings(lab, 'friend', 'second') };
      await lab.docker('network', 'disconnect', 'blue', 'web');
      const moved = { addresses: await lab.addresses(web), route: await web.sh('ip -o route show default') };
      await lab.docker('network', 'connect', 'blue', 'web');
      await lab.docker('network', 'disconnect', 'red', 'web');
      return { connected, moved, last: (await lab.addresses(web)).map((line) => line.replace(/^eth\d+ /, '')), twice: await lab.refusal('network', 'connect', 'blue', 'web'), use: /network blue .*has active endpoints/.test(await lab.refusal('network', 'rm', 'blue')) };
    },
    expected: {
      connected: { addresses: ['eth0 10.23.0.2/24', 'eth1 10.24.0.77/24'], ping: true, back: true },
      moved: { addresses: ['eth1 10.24.0.77/24'], route: 'default via 10.24.0.1 dev eth1 ' },
      last: ['10.23.0.2/24'],
      twice: 'endpoint with name web already exists in network blue',
      use: true,
    },
  },
  {
    title: 'links, names of two networks, and a container that starts again',
    async observe(lab, driver) {
      await lab.docker('network', 'create', '-d', driver, 'blue');
      await lab.docker('network', 'create', '-d', driver, 'red');
      await lab.run('db', 'blue');
      await lab.run('web', 'blue', '--link', 'db:database', '--ip', '', '--sysctl', 'net.ipv4.ip_default_ttl=77');
      await lab.docker('network', 'connect', 'red', 'web');
      const before = [await pings(lab, 'web', 'database'), await pings(lab, 'db', 'web')];
      await lab.docker('restart', '-t', '0', 'web');
      return { before, after: [await pings(lab, 'web', 'database'), await pings(lab, 'db', 'web')], interfaces: (await lab.addresses(await lab.engine.container('web'))).length };
    },
    expected: { before: [true, true], after: [true, true], interfaces: 2 },
  },
  {
    title: 'what docker inspect says',
    async observe(lab, driver) {
      await lab.docker('network', 'create', '-d', driver, '--subnet', '10.25.0.0/24', '--label', 'a=b', '-o', 'com.docker.network.driver.mtu=1450', 'blue');
      await lab.run('web', 'blue', '--ip', '10.25.0.25', '--mac-address', '02:00:00:00:00:25');
      const [network] = JSON.parse(await lab.docker('network', 'inspect', 'blue')) as Inspected[];
      const [container] = Object.values(network?.Containers ?? {});
      const { Networks, Ports } = await lab.inspect<{ Networks: Record<string, Record<string, unknown>>; Ports: unknown }>('web', '{{json .NetworkSettings}}');
      const settings = Networks['blue'] ?? {};
      const driverFits = network?.['Driver'] === driver;
      return {
        network: pick(network, 'Name', 'Scope', 'EnableIPv6', 'Internal', 'Attachable', 'Ingress', 'IPAM', 'Options', 'Labels'),
        container: pick(container, 'Name', 'MacAddress', 'IPv4Address', 'IPv6Address'),
        settings: pick(settings, 'IPAMConfig', 'Gateway', 'IPAddress', 'IPPrefixLen', 'IPv6Gateway', 'GlobalIPv6Address', 'MacAddress'),
        same: [driverFits, settings['NetworkID'] === network?.['Id'], settings['EndpointID'] === container?.['EndpointID']],
        ports: Ports,
      };
    },
    expected: {
      network: {
        Name: 'blue', Scope: 'local', EnableIPv6: false, Internal: false, Attachable: false, Ingress: false, IPAM: { Driver: 'default', Options: {}, Config: [{ Subnet: '10.25.0.0/24' }] },
        Options: { 'com.docker.network.driver.mtu': '1450' }, Labels: { a: 'b' },
      },
      container: { Name: 'web', MacAddress: '02:00:00:00:00:25', IPv4Address: '10.25.0.25/24', IPv6Address: '' },
      settings: {
        IPAMConfig: { IPv4Address: '10.25.0.25' }, Gateway: '10.25.0.1', IPAddress: '10.25.0.25', IPPrefixLen: 24, IPv6Gateway: '', GlobalIPv6Address: '', MacAddress: '02:00:00:00:00:25',
      },
      same: [true, true, true],
      ports: {},
    },
  },
];

type Inspected = Readonly<Record<string, unknown>> & { readonly Containers: Readonly<Record<string, Readonly<Record<string, unknown>>>> };

function pick(from: Readonly<Record<string, unknown>> | undefined, ...keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.map((key) => [key, from?.[key]]));
}
