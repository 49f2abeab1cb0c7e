import { setTimeout as delay } from 'node:timers/promises';
import type { PrivateHost } from '../../test/support/host.ts';
import { outerPid } from '../outer-pid.ts';
import { NAMES, type RunningServer } from './name-server.ts';

const ADDRESS = '10.90.255.254';
const PORT = 5300;

/** Answers for the names of a network file, as podman writes one, at the address of the network's gateway. */
export async function startAardvark(host: PrivateHost): Promise<RunningServer> {
  const lines = NAMES.map((name, index) => `${index.toString(16).padStart(64, '0')} 10.90.${String(index >> 8)}.${String(index & 255)}  ${name}\n`);
  await host.sh(`ip address add ${ADDRESS}/32 dev lo; mkdir /run/names; cat >/run/names/bench`, { input: `${ADDRESS}\n${lines.join('')}` });
  const running = await host.spawn(['/usr/lib/podman/aardvark-dns', '--config', '/run/names', '--port', String(PORT), 'run']);
  return { from: host, address: ADDRESS, port: PORT, pid: await servingPid(host), [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

/** It leaves the process that was started; the host's end is its own. */
async function servingPid(host: PrivateHost): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const found = await host.sh('cat /run/names/aardvark.pid 2>/dev/null || :');
    if (found !== '') return outerPid(host, Number(found));
    await delay(20);
  }
  throw new Error('aardvark-dns did not write its pid file');
}
