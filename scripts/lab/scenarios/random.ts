import { connectSandbox, createNetwork, disconnectSandbox, listSandboxes, removeNetwork } from '../../../src/api/calls.ts';
import { check, duration, timed } from '../check.ts';
import { compareWithEtcd } from '../compare-with-etcd.ts';
import { NetworkError, type ErrorCode } from '../../../src/common/error.ts';
import type { Lab } from '../lab.ts';
import type { LabMachine } from '../lab-machine.ts';
import { Chance } from '../chance.ts';
import type { Scenario } from '../scenario.ts';
import { until } from '../until.ts';

const NETWORKS = ['red', 'green', 'blue'] as const;
const SANDBOXES = ['s0', 's1', 's2', 's3'] as const;

const REFUSED = 'refused';

/** What can happen on a machine, each as often as it stands here. A toggle takes a sandbox into a network, or out of it. */
const OPERATIONS = [...Array<'toggle'>(12).fill('toggle'), 'remove', 'remove', 'move', 'move', 'network', 'kill'] as const;

/** What a request may hear when somebody else was quicker, or a daemon was just being killed. */
const EXPECTED: ReadonlySet<ErrorCode> = new Set(['EXISTS', 'NOT_FOUND', 'IN_USE', 'UNAVAILABLE']);

/** Whatever happens, on all machines at once: in the end every kernel is as etcd says, and etcd as the daemons say. */
export const random: Scenario = {
  name: 'random',
  promise: 'after random operations on all hosts every kernel has what etcd says, no more and no less',
  async run(lab, { operations, seed }) {
    for (const [index, network] of NETWORKS.entries()) await lab.network(network, body(index));
    const done = new Map<string, number>();
    const each = Math.ceil(operations / lab.machines.length);
    const work = await timed(() => Promise.all(lab.machines.map((machine, index) => act(lab, machine, new Chance(seed + index), each, done))));
    const toggled = done.get('toggle') ?? 0;
    check(toggled >= operations / 10, `only ${String(toggled)} of ${String(operations)} operations came to something, ${String(done.get(REFUSED) ?? 0)} were refused`);
    const settling = await timed(() => until('the hosts see each other', () => lab.settled().then(() => true)));
    const { time, value: compared } = await timed(() => settledDown(lab));
    const counts = [...done].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([what, count]) => `${String(count)} ${what}`);
    return { time: time + settling.time, found: `until ${String(compared)} entries of three kernels were equal; ${counts.join(', ')} in ${duration(work.time)}` };
  },
};

/** @returns how many entries there are. @throws Error with the first that differ */
async function settledDown(lab: Lab): Promise<number> {
  let last: readonly string[] = [];
  const compared = await until('every kernel is as etcd says', async () => {
    const { differences, count } = await compareWithEtcd(lab);
    last = differences;
    return differences.length === 0 ? count : undefined;
  }, 30_000).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}; ${String(last.length)} differ:\n${last.slice(0, 10).join('\n')}`);
  });
  let endpoints = 0;
  for (const machine of lab.machines) endpoints += (await machine.api(listSandboxes())).reduce((sum, sandbox) => sum + sandbox.endpoints.length, 0);
  const { endpoints: known } = await compareWithEtcd(lab);
  check(known === endpoints, `etcd knows ${String(known)} endpoints, and the daemons have ${String(endpoints)}`);
  return compared;
}

/** One machine's share. What cannot be done, because somebody else was quicker, is refused and counts as that. */
async function act(lab: Lab, machine: LabMachine, chance: Chance, count: number, done: Map<string, number>): Promise<void> {
  for (let step = 0; step < count; step += 1) {
    const operation = chance.pick(OPERATIONS);
    const sandbox = `${chance.pick(SANDBOXES)}-${machine.name}`;
    const network = chance.pick(NETWORKS);
    const outcome = await operate(lab, machine, operation, sandbox, network).then(
      () => operation,
      (error: unknown) => {
        const { code, message } = NetworkError.from(error);
        if (!EXPECTED.has(code)) throw new Error(`${operation} of ${sandbox} and network ${network} on ${machine.name}: ${code} ${message}`, { cause: error });
        return REFUSED;
      },
    );
    done.set(outcome, (done.get(outcome) ?? 0) + 1);
  }
}

async function operate(lab: Lab, machine: LabMachine, operation: (typeof OPERATIONS)[number], sandbox: string, network: (typeof NETWORKS)[number]): Promise<void> {
  switch (operation) {
    case 'toggle': {
      const there = (await machine.api(listSandboxes())).find(({ name }) => name === sandbox);
      if (there === undefined) await machine.attach(network, sandbox);
      else if (there.endpoints.some((endpoint) => endpoint.network === network)) await machine.api(disconnectSandbox(network, { sandbox }));
      else await machine.api(connectSandbox(network, { sandbox }));
      return;
    }
    case 'remove':
      return machine.remove(sandbox);
    case 'move': {
      // With its address: from here to the next machine, which asks for it.
      const { ipv4 } = await machine.attach(network, `moves-${machine.name}`);
      await machine.remove(`moves-${machine.name}`);
      const next = lab.machines[(lab.machines.indexOf(machine) + 1) % 3 as 0 | 1 | 2];
      await next.attach(network, `moved-${machine.name}`, { ipv4 }).finally(() => next.remove(`moved-${machine.name}`));
      return;
    }
    case 'network':
      // Refused while somebody is in it, mostly.
      await machine.api(removeNetwork(network, false));
      await machine.api(createNetwork({ name: network, driver: 'overlay', ...body(NETWORKS.indexOf(network)) }));
      return;
    case 'kill':
      await machine.killDaemon();
      return machine.startDaemon();
  }
}

function body(index: number): { readonly subnets: readonly string[] } {
  return { subnets: [`10.${String(index + 1)}.0.0/20`, `fd00:${String(index + 1)}::/64`] };
}
