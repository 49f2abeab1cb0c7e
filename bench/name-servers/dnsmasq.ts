import type { PrivateHost } from '../../test/support/host.ts';
import { NAMES, type RunningServer } from './name-server.ts';

const ADDRESS = '127.0.0.53';

/** Answers for the names of a hosts file, in the namespace of the host. */
export async function startDnsmasq(host: PrivateHost): Promise<RunningServer> {
  const hosts = NAMES.map((name, index) => `10.90.${String(index >> 8)}.${String(index & 255)} ${name}\n`).join('');
  await host.sh('cat >/run/names', { input: hosts });
  const running = await host.spawn(['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--addn-hosts=/run/names', `--listen-address=${ADDRESS}`, '--bind-interfaces', '--pid-file=', '--user=root']);
  const door = { from: host, address: ADDRESS, port: 53 };
  return { ...door, neighbour: door, pid: running.pid, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}
