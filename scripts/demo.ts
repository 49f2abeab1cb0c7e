/** What scripts/demo shows; see there. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Engine } from '../test/support/engine.ts';
import { PrivateHost } from '../test/support/host.ts';
import { INTERNET } from '../test/support/lan.ts';
import { difference } from '../test/support/machine-state.ts';
import { showContainers } from './lib/demo-containers.ts';
import { showHealing } from './lib/demo-healing.ts';
import { showHosts } from './lib/demo-hosts.ts';
import { showSandboxes } from './lib/demo-sandboxes.ts';
import type { DemoWorld } from './lib/demo-world.ts';
import { openShell } from './lib/demo-shell.ts';
import { Stage } from './lib/stage.ts';
import { LOG, startDaemon } from './lib/start-daemon.ts';
import { TypedShell } from './lib/typed-shell.ts';

/** What has to be as it was in the private host when containers, networks and daemon are gone. */
const OURS = ['links', 'namespaces', 'nftables', 'routes', 'rules', 'mounts', 'sockets', 'iptables-legacy', 'ip6tables-legacy'];

/** A tiny web site on the internet that says by which address it sees its visitor. */
async function openInternet(host: PrivateHost): Promise<AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'demo-internet-'));
  await host.outside.sh(`mkdir "$folder/cgi-bin" && printf '#!/bin/sh\\nprintf "\\\\r\\\\nthe internet, to $REMOTE_ADDR\\\\n"\\n' >"$folder/cgi-bin/hello" && chmod -R a+rX,a+x "$folder"`, { env: { folder } });
  await host.outside.spawn(['busybox', 'httpd', '-f', '-p', `${INTERNET.address4}:80`, '-h', folder]);
  return { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

async function show(stage: Stage, world: DemoWorld): Promise<void> {
  const { shell, host } = world;
  stage.heading('Networks for a Docker engine');
  stage.say('The daemon opens the doors by which an engine finds network drivers:');
  await startDaemon(world);
  await stage.type(shell, 'ls /run/docker/plugins', { shows: /^tsbridge\.sock\s+tsdhcp\.sock\s+tsipam\.sock\s/ });
  const clean = await host.snapshot();
  await showContainers(world);
  stage.heading('What others break');
  await showHealing(world, () => startDaemon(world));
  stage.heading('Without an engine: netctl');
  await showSandboxes(world);
  stage.heading('The end');
  await stage.type(shell, 'docker rm -f web client', { shows: /web\s+client/ });
  await stage.type(shell, 'docker network rm blue');
  await stage.type(shell, 'netctl sandbox rm shop visitor && netctl network rm green');
  // the engine's own rules went with the flush and come back when it is restarted
  const left = difference(clean, await host.snapshot(), OURS).filter((line) => line.includes(': + '));
  stage.check(left.length === 0, `after that nothing was to be left; there is:\n${left.join('\n')}`);
  stage.say('No link, rule, route, namespace, mount or socket of theirs is left.');
  await stage.type(shell, 'kill $daemon; wait $daemon; ls -A /run/docker/plugins /run/netctl', { shows: /^\/run\/docker\/plugins:\s+\/run\/netctl:$/ });
}

async function main(): Promise<void> {
  const stage = new Stage((text) => process.stdout.write(text), process.stdout.isTTY === true && !process.env['NO_COLOR']);
  await using cleanup = new AsyncDisposableStack();
  const ended = new Promise<never>((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => reject(new Error(`ended by ${signal}`)));
  });
  const one = async (): Promise<void> => {
    const host = cleanup.use(await PrivateHost.start({ name: 'demo' }));
    cleanup.use(await openInternet(host));
    const engine = cleanup.use(await Engine.start(host));
    await engine.docker(['tag', 'bb', 'busybox']);
    const shell = await openShell(host);
    const lan = await TypedShell.open(host.outside, {});
    const version = await engine.ask('version', '-f', '{{.Server.Version}}');
    stage.say(`A private host on this machine: ${host.address4} in a LAN, Docker Engine ${version}, image busybox.\nThe other side of the LAN (${host.addresses[0]?.gateway4 ?? ""}) and the internet (${INTERNET.address4}) are a network namespace beside it.`);
    try {
      await show(stage, { stage, shell, lan, host, engine });
    } catch (error) {
      const log = (await shell.type(`tail -n 5 ${LOG}`)).output;
      throw new Error(`${(error as Error).message}\nThe daemon's last words:\n${log}`, { cause: error });
    }
  };
  const begun = performance.now();
  await Promise.race([process.argv[2] === 'hosts' ? showHosts(stage, cleanup) : one(), ended]);
  stage.say(`${String(stage.held)} claims held, in ${((performance.now() - begun) / 1000).toFixed(0)} s.`);
}

try {
  await main();
} catch (error) {
  process.exitCode = 1;
  console.error(`\nerror: ${(error as Error).message}`);
}
