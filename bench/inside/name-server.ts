/**
 * Runs inside a private host: our name server, by itself.
 *   name-server.ts serve NAMESPACE...   serves each namespace; prints `ports` and the UDP port of each, then goes on
 *   name-server.ts crowd NAMESPACE...   serves one after the other; prints as JSON what each has cost
 */
import { readFileSync } from 'node:fs';
import { compiledFile } from '../compiled.ts';
import type * as OpenDnsServer from '../../src/dns/open-dns-server.ts';
import type { DirectoryChange } from '../../src/dns/names.ts';
import { NAMES } from '../name-servers/name-server.ts';
import { residentMemory } from './memory.ts';
import { median, quantile } from '../report/statistics.ts';

const NETWORK = 'bench';
const [mode, ...namespaces] = process.argv.slice(2);
// As it is installed: run from source it would hold a compiler in memory.
const { openDnsServer } = (await import(compiledFile('src/dns/open-dns-server'))) as typeof OpenDnsServer;
const dns = await openDnsServer();
const endpoints = NAMES.map((name, index) => ({ id: name, asker: undefined, names: [name], addresses: [`10.90.${String(index >> 8)}.${String(index & 255)}`], services: [] }));
await dns.update([{ change: 'set-network', network: { id: NETWORK, name: NETWORK, subnets: ['10.90.0.0/16'], hostAddresses: ['10.90.255.254'], endpoints } }]);
if (mode === 'serve') await serve();
else await crowd();

async function serve(): Promise<void> {
  const ports: number[] = [];
  for (const name of namespaces) {
    await dns.update([asker(name)]);
    ports.push((await dns.listen(name, `/run/netns/${name}`)).udp);
  }
  console.log(`ports ${ports.join(' ')}`);
  setInterval(() => {}, 2 ** 30);
}

async function crowd(): Promise<void> {
  const slab = kernelMemory();
  const resident = residentMemory(process.pid);
  const times: number[] = [];
  for (const name of namespaces) {
    const started = performance.now();
    await dns.update([asker(name)]);
    await dns.listen(name, `/run/netns/${name}`);
    times.push(performance.now() - started);
  }
  const each = 1024 / namespaces.length;
  const process_ = (residentMemory(process.pid) - resident) * each;
  console.log(JSON.stringify({ p50: median(times), p99: quantile(times, 0.99), process: process_, kernel: (kernelMemory() - slab) * each }));
  process.exit(0);
}

function asker(name: string): DirectoryChange {
  return { change: 'set-asker', asker: { id: name, networks: [NETWORK], aliases: [], extraHosts: [], servers: [], namespace: `/run/netns/${name}`, mayUseHostServers: true, search: [], ndots: undefined } };
}

/** Small objects of the whole kernel, MB. */
function kernelMemory(): number {
  return Number(/^Slab:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) / 1024;
}
