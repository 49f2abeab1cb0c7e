/** One process of simulated hosts: does what it is told, a JSON line each. */
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Mirror } from '../../src/cluster/mirror.ts';
import { parseClusterUrl } from '../../src/store/etcd/cluster-url.ts';
import { openEtcdStore } from '../../src/store/etcd/open-etcd-store.ts';
import type { CrowdPlan, CrowdReply, CrowdRequest, Written } from './protocol.ts';
import { SimulatedHost } from './simulated-host.ts';

/** Hosts that do something at once. */
const TOGETHER = 8;
/** Networks in which a host has endpoints, at most. */
const NETWORKS_EACH = 5;

/** Serves until its standard input ends. */
export async function crowdMain(plan: CrowdPlan): Promise<void> {
  const options = parseClusterUrl(plan.cluster);
  const byId = new Map<string, SimulatedHost>();
  await using store = await openEtcdStore(options);
  await using mirror = new Mirror(store, {
    follow: (news) => {
      for (const host of byId.values()) host.outbox.hear(news);
    },
    lost: () => {},
    found: () => {
      for (const host of byId.values()) host.outbox.wake();
    },
  });
  mirror.start();
  await using stack = new AsyncDisposableStack();
  const hosts: SimulatedHost[] = [];

  const perform = async (request: CrowdRequest): Promise<readonly Written[]> => {
    switch (request.do) {
      case 'join':
        await forEach(Array.from({ length: plan.hosts }, (_, index) => plan.first + index), async (number) => {
          const host = stack.use(new SimulatedHost(number, await openEtcdStore({ ...options, cluster: store.clusterId, instance: store.instanceId }), mirror));
          hosts.push(host);
          byId.set(host.id, host);
          await host.join();
        });
        return [];
      case 'load': {
        const networks = [...mirror.directory.networks.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
        const each = Math.min(NETWORKS_EACH, networks.length);
        await forEach([...hosts.entries()], async ([index, host]) => {
          for (let count = 0; count < each; count += 1) {
            const network = networks[((plan.first + index) * each + count) % networks.length];
            if (network !== undefined) await host.borrow(network);
          }
          await host.fill(plan.endpointsEach);
        });
        return [];
      }
      case 'watch':
        for (const host of hosts) host.watch();
        return [];
      case 'churn':
        return churn(hosts, request.rate, request.seconds);
      case 'add':
        return [await (hosts[0] as SimulatedHost).add()];
      case 'state':
        return [];
    }
  };

  process.stdout.write('ready\n');
  for await (const line of createInterface({ input: process.stdin })) {
    const started = performance.now();
    let outcome: Partial<CrowdReply>;
    try {
      outcome = { written: await perform(JSON.parse(line) as CrowdRequest) };
    } catch (error) {
      outcome = { error: (error as Error).message };
    }
    const reply: CrowdReply = {
      ms: performance.now() - started,
      endpoints: hosts.reduce((sum, { count }) => sum + count, 0),
      revision: Math.min(...hosts.map(({ revision }) => revision)),
      lost: hosts.reduce((sum, { lost }) => sum + lost, 0),
      ...outcome,
    };
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
}

/** At a steady rate, whether or not those before are done: as containers come and go on many hosts. */
async function churn(hosts: readonly SimulatedHost[], rate: number, seconds: number): Promise<Written[]> {
  const written: Written[] = [];
  const running: Promise<void>[] = [];
  const started = performance.now();
  for (let count = 0; count < rate * seconds; count += 1) {
    const early = started + (count * 1000) / rate - performance.now();
    if (early > 0) await delay(early);
    const host = hosts[Math.floor(Math.random() * hosts.length)] as SimulatedHost;
    running.push(count % 2 === 0 ? host.remove() : host.add().then((one) => void written.push(one)));
  }
  await Promise.all(running);
  return written;
}

async function forEach<One>(all: readonly One[], task: (one: One) => Promise<void>): Promise<void> {
  const rest = all.values();
  await Promise.all(Array.from({ length: TOGETHER }, async () => {
    for (const one of rest) await task(one);
  }));
}
