import { answerOf, answersOf, pings, serveAll, type Case } from './case.ts';

const HOST = '198.51.100.10';

/** Networks that keep something out or in. */
export const ISOLATION: readonly Case[] = [
  {
    title: 'an internal network reaches its own and nothing else, and publishes nothing',
    async observe(lab, driver) {
      await lab.docker('network', 'create', '-d', driver, '--internal', '--subnet', '10.40.0.0/24', 'inner');
      await lab.docker('network', 'create', '-d', driver, '--subnet', '10.41.0.0/24', 'blue');
      const web = await lab.run('web', 'inner', '-p', '8080:80');
      await lab.run('friend', 'inner');
      const stranger = await lab.run('stranger', 'blue');
      await using _served = await serveAll(web, [80]);
      await using outside = await lab.host.outside.serve(0, 'tcp', 'internet');
      return {
        friend: await pings(lab, 'friend', 'web'),
        route: await web.sh('ip -o route show default'),
        out: await answersOf(web, { internet: ['203.0.113.7', outside.port], lan: ['198.51.100.1', outside.port] }),
        in: {
          published: await answerOf(lab.host.outside, HOST, 8080),
          stranger: await answerOf(stranger, '10.40.0.2', 80),
          host: await answerOf(lab.host, '10.40.0.2', 80),
        },
        gateway: await lab.docker('network', 'ls', '-q', '--filter', 'name=docker_gwbridge'),
      };
    },
    expected: {
      friend: true,
      route: '',
      out: { internet: 'unreachable', lan: 'unreachable' },
      in: { published: 'refused', stranger: 'timeout', host: '10.40.0.1' },
      gateway: '',
    },
    // 20.10 set a default route that led nowhere.
    otherwise: { route: 'default via 10.40.0.1 dev eth0 ', 'out.internet': 'timeout', 'out.lan': 'timeout' },
  },
  {
    title: 'without icc neighbours meet at published ports only',
    async observe(lab, driver) {
      await lab.docker('network', 'create', '-d', driver, '-o', 'com.docker.network.bridge.enable_icc=false', '--subnet', '10.42.0.0/24', 'blue');
      const web = await lab.run('web', 'blue', '-p', '8080:80');
      const neighbour = await lab.run('neighbour', 'blue');
      await using _served = await serveAll(web, [80, 81]);
      await using outside = await lab.host.outside.serve(0, 'tcp', 'internet');
      return {
        neighbour: await answersOf(neighbour, { direct: ['10.42.0.2', 80], unpublished: ['10.42.0.2', 81], published: [HOST, 8080], internet: ['203.0.113.7', outside.port] }),
        itself: await answersOf(web, { published: [HOST, 8080] }),
        host: await answersOf(lab.host, { direct: ['10.42.0.2', 80] }),
        lan: await answersOf(lab.host.outside, { published: [HOST, 8080] }),
      };
    },
    expected: {
      neighbour: { direct: 'timeout', unpublished: 'timeout', published: '10.42.0.1', internet: '198.51.100.10' },
      itself: { published: '10.42.0.1' },
      host: { direct: '10.42.0.1' },
      lan: { published: '198.51.100.1' },
    },
  },
  {
    title: 'a container in two networks, and its neighbours in only one of them',
    async observe(lab, driver) {
      await lab.docker('network', 'create', '-d', driver, '--subnet', '10.43.0.0/24', 'blue');
      await lab.docker('network', 'create', '-d', driver, '--subnet', '10.44.0.0/24', 'red');
      const left = await lab.run('left', 'blue');
      const right = await lab.run('right', 'red');
      const middle = await lab.run('middle', 'red');
      await lab.docker('network', 'connect', 'blue', 'middle');
      await using _served = await serveAll(middle, [80]);
      await using _more = await serveAll(right, [80]);
      return {
        names: [await pings(lab, 'left', 'middle'), await pings(lab, 'right', 'middle'), await pings(lab, 'middle', 'left'), await pings(lab, 'middle', 'right')],
        left: await answersOf(left, { here: ['10.43.0.3', 80], there: ['10.44.0.3', 80], stranger: ['10.44.0.2', 80] }),
        route: await middle.sh('ip -o route show default'),
      };
    },
    expected: {
      names: [true, true, true, true],
      left: { here: '10.43.0.2', there: 'timeout', stranger: 'timeout' },
      route: 'default via 10.43.0.1 dev eth1 ',
    },
  },
];
