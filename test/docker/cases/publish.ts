import type { DockerLab } from '../../support/docker-lab.ts';
import { answerOf, answersOf, serveAll, type Case, type CaseDriver } from './case.ts';

const HOST = '198.51.100.10';
const HOST6 = '2001:db8:100::10';
const UDP = { proto: 'udp' } as const;

/** What a client finds at the host's address in the first case, if the server sees it as SOURCE. */
function seenFrom(source: string): Record<string, string> {
  return { web: source, udp: source, loopback: 'refused', own: source, range: source, last: source, unpublished: 'refused' };
}

/** Published ports: every form of -p, seen from everywhere. */
export const PUBLISH: readonly Case[] = [
  {
    title: 'every form of -p, from the LAN, the host, a neighbour, the container itself and another network',
    async observe(lab, driver) {
      await lab.docker('network', 'create', '-d', driver, '--subnet', '10.30.0.0/24', 'blue');
      await lab.docker('network', 'create', '-d', driver, '--subnet', '10.31.0.0/24', 'red');
      const web = await lab.run(
        'web', 'blue', '-p', '8080:80', '-p', '127.0.0.1:8081:81', '-p', '8053:53/udp', '-p', `${HOST}:8082:82`, '-p', '8090-8099:90', '-p', '8100-8101:100-101', '-p', '[::1]:8083:83',
      );
      const neighbour = await lab.run('neighbour', 'blue');
      const stranger = await lab.run('stranger', 'red');
      await using _served = await serveAll(web, [80, 81, 82, 83, 90, 100, 101, -53]);
      const everywhere = { web: [HOST, 8080], udp: [HOST, 8053, UDP], loopback: [HOST, 8081], own: [HOST, 8082], range: [HOST, 8090], last: [HOST, 8101], unpublished: [HOST, 99] } as const;
      return {
        lan: await answersOf(lab.host.outside, { ...everywhere, ipv6: [HOST6, 8080] }),
        host: await answersOf(lab.host, {
          ...everywhere, local: ['127.0.0.1', 8080], localUdp: ['127.0.0.1', 8053, UDP], localOnly: ['127.0.0.1', 8081], local6: ['::1', 8080], localOnly6: ['::1', 8083], notLocal: ['127.0.0.1', 8082],
        }),
        neighbour: await answersOf(neighbour, everywhere),
        itself: await answersOf(web, everywhere),
        stranger: await answersOf(stranger, everywhere),
      };
    },
    expected: {
      // What NAT cannot carry comes through a proxy on both.
      lan: { ...seenFrom('198.51.100.1'), ipv6: '10.30.0.1' },
      host: { ...seenFrom(HOST), local: '10.30.0.1', localUdp: '10.30.0.1', localOnly: '10.30.0.1', local6: '10.30.0.1', localOnly6: '10.30.0.1', notLocal: 'refused' },
      neighbour: seenFrom('10.30.0.1'),
      itself: seenFrom('10.30.0.1'),
      stranger: seenFrom('10.30.0.1'),
    },
    // docker-proxy answered datagrams from the bridge's address: a client that had asked another heard nothing.
    otherwise: { 'neighbour.udp': 'timeout', 'itself.udp': 'timeout', 'stranger.udp': 'timeout' },
  },
  {
    title: 'unpublished ports and containers behind loopback bindings, straight from the LAN and from another network',
    async observe(lab, driver) {
      await lab.docker('network', 'create', '-d', driver, '--subnet', '10.30.0.0/24', 'blue');
      await lab.docker('network', 'create', '-d', driver, '--subnet', '10.31.0.0/24', 'red');
      const web = await lab.run('web', 'blue', '-p', '127.0.0.1:8081:81');
      const stranger = await lab.run('stranger', 'red');
      await using _served = await serveAll(web, [80, 81]);
      await lab.host.outside.sh(`ip route add 10.30.0.0/24 via ${HOST}`);
      try {
        return {
          lan: await answersOf(lab.host.outside, { unpublished: ['10.30.0.2', 80], loopback: ['10.30.0.2', 81] }),
          stranger: await answersOf(stranger, { unpublished: ['10.30.0.2', 80], loopback: ['10.30.0.2', 81] }),
          host: await answersOf(lab.host, { unpublished: ['10.30.0.2', 80] }),
        };
      } finally {
        await lab.host.outside.sh('ip route del 10.30.0.0/24');
      }
    },
    expected: {
      lan: { unpublished: 'timeout', loopback: 'timeout' },
      stranger: { unpublished: 'timeout', loopback: 'timeout' },
      host: { unpublished: '10.30.0.1' },
    },
    // Open until 28 (moby#45610).
    otherwise: { 'lan.loopback': '198.51.100.1' },
  },
  {
    title: '-P and random ports, busy ports, and ports that are free again',
    async observe(lab, driver) {
      await lab.docker('network', 'create', '-d', driver, '--subnet', '10.32.0.0/24', 'blue');
      const web = await lab.run('web', 'blue', '-P', '--expose', '80', '--expose', '81/udp', '-p', '82');
      await using _served = await serveAll(web, [80, -81, 82]);
      const ports = await publishedPorts(lab, driver, 'web');
      const reached = await Promise.all(ports.map(([container, port]) => answerOf(lab.host.outside, HOST, port, container.endsWith('udp') ? UDP : {})));
      await using foreign = await lab.host.serve(8888, 'tcp', 'somebody else');
      const busy = await lab.refusal('run', '-d', '--name', 'busy', '--network', 'blue', '-p', '8887:80', '-p', `${foreign.port}:80`, 'bb', 'sleep', '1000');
      await lab.run('first', 'blue', '-p', '8889:80');
      const twice = await lab.refusal('run', '-d', '--name', 'twice', '--network', 'blue', '-p', '8889:80', 'bb', 'sleep', '1000');
      await lab.docker('rm', '-f', 'first', 'twice', 'busy');
      const again = await lab.run('again', 'blue', '-p', '8889:80', '-p', '8887:80');
      await using _more = await serveAll(again, [80]);
      return {
        ports: ports.map(([container]) => container),
        reached,
        busy: busy.includes('8888'),
        twice: twice.includes('8889'),
        again: [await answerOf(lab.host.outside, HOST, 8889), await answerOf(lab.host.outside, HOST, 8887)],
      };
    },
    expected: { ports: ['80/tcp', '81/udp', '82/tcp'], reached: ['198.51.100.1', '198.51.100.1', '198.51.100.1'], busy: true, twice: true, again: ['198.51.100.1', '198.51.100.1'] },
  },
  {
    title: 'ports follow the container from network to network',
    async observe(lab, driver) {
      await lab.docker('network', 'create', '-d', driver, '--subnet', '10.33.0.0/24', 'blue');
      await lab.docker('network', 'create', '-d', driver, '--subnet', '10.34.0.0/24', 'red');
      const web = await lab.run('web', 'blue', '-p', '8080:80');
      await using _served = await serveAll(web, [80]);
      const reach = (): Promise<string> => answerOf(lab.host.outside, HOST, 8080);
      const start = await reach();
      await lab.docker('network', 'connect', 'red', 'web');
      const both = await reach();
      await lab.docker('network', 'disconnect', 'blue', 'web');
      const second = await reach();
      await lab.docker('network', 'disconnect', 'red', 'web');
      const none = await reach();
      await lab.docker('network', 'connect', 'blue', 'web');
      return { start, both, second, none, back: await reach() };
    },
    expected: { start: '198.51.100.1', both: '198.51.100.1', second: '198.51.100.1', none: 'refused', back: '198.51.100.1' },
  },
];

/** Container port and host port. The engine cannot list those that we publish: that is a difference, and netctl lists them. */
async function publishedPorts(lab: DockerLab, driver: CaseDriver, container: string): Promise<[string, number][]> {
  const text = driver === 'bridge' ? await lab.docker('port', container) : await lab.netctl.ok('port', container);
  const lines = text.split('\n').map((line) => /^(\S+) -> .*:(\d+)$/.exec(line));
  return [...new Map(lines.map((match) => [match?.[1] ?? '', Number(match?.[2])]))].toSorted();
}
