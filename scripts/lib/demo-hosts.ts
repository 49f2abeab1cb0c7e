import { Engine } from '../../test/support/engine.ts';
import { PrivateHost } from '../../test/support/host.ts';
import { Lan } from '../../test/support/lan.ts';
import { ETCD_PORT, startEtcd } from '../../test/support/multi-host.ts';
import { openShell } from './demo-shell.ts';
import type { Stage } from './stage.ts';
import { startDaemon, type DaemonPlace } from './start-daemon.ts';

const SUBNET = '10.1.0.0/24';
const GATEWAY = '10.1.0.1';
const CREATE = `docker network create -d tsoverlay -o tsoverlay.network=blue --ipam-driver tsipam --ipam-opt network=blue --subnet ${SUBNET} -o tsoverlay.dns=gateway blue`;

/**
 * One network over two hosts, each with a Docker engine of its own; an etcd beside them.
 * @param cleanup takes them when all is over
 */
export async function showHosts(stage: Stage, cleanup: AsyncDisposableStack): Promise<void> {
  const lan = cleanup.use(await Lan.start());
  cleanup.use(await startEtcd(lan));
  const names = ['h1', 'h2'] as const;
  const machines = await Promise.all(names.map((name) => PrivateHost.start({ name, lans: [lan] })));
  for (const host of machines) cleanup.use(host);
  const [one, two] = (await Promise.all(machines.map(async (host): Promise<DaemonPlace> => {
    const engine = cleanup.use(await Engine.start(host));
    await engine.docker(['tag', 'bb', 'busybox']);
    return { stage, host, shell: await openShell(host) };
  }))) as [DaemonPlace, DaemonPlace];
  const etcd = `${one.host.addresses[0]?.gateway4 ?? ''}:${String(ETCD_PORT)}`;
  stage.say(`Two private hosts, h1 (${one.host.address4}) and h2 (${two.host.address4}), a Docker engine on each, and an etcd (${etcd}).`);

  stage.heading('One network over hosts: h1');
  await startDaemon(one, `--cluster etcd://${etcd} `);
  await stage.type(one.shell, CREATE, { shows: /^[0-9a-f]{64}$/ });
  await stage.type(one.shell, 'docker run -d --network blue --name web -p 8080:80 busybox httpd -f -h /www', { shows: /^[0-9a-f]{64}$/ });

  stage.heading('h2: the same network');
  await startDaemon(two, `--cluster etcd://${etcd} `);
  await stage.type(two.shell, CREATE, { shows: /^[0-9a-f]{64}$/ });
  stage.say(`Containers ask the gateway for names of other hosts: --dns ${GATEWAY}, or "dns" in the engine's daemon.json.`);
  await stage.type(two.shell, `docker run -d --network blue --name client --dns ${GATEWAY} busybox sleep 1000`, { shows: /^[0-9a-f]{64}$/ });
  await stage.type(two.shell, 'docker exec client ping -c 1 -q web', { shows: / 0% packet loss/, within: 5000 });
  await stage.type(two.shell, 'docker exec client wget -q -O - http://web/', { shows: /^hello$/ });
  stage.say('What is published on h1 is reached there, also from h2:');
  await stage.type(two.shell, `curl -sS http://${one.host.address4}:8080/`, { shows: /^hello$/ });
  stage.say('A sandbox without an engine is in it too:');
  await stage.type(two.shell, 'netctl run --network blue -- ping -c 1 -q web', { shows: / 0% packet loss/ });

  stage.heading('Who is where');
  await stage.type(two.shell, 'netctl cluster ls', { lines: 6 });
  await stage.type(two.shell, 'netctl network inspect --format table blue', { shows: /web/, lines: 30 });

  stage.heading('The end');
  await stage.type(two.shell, 'docker rm -f client && docker network rm blue');
  await stage.type(one.shell, 'docker rm -f web && docker network rm blue');
  await stage.type(two.shell, 'netctl network ls', { shows: /^(?!.*\bblue\b)/s, within: 5000 });
}
