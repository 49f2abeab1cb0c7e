import { check, duration } from '../check.ts';
import { compareWithEtcd } from '../compare-with-etcd.ts';
import { allDiffer, everyPair } from '../every-pair.ts';
import { Flow } from '../flow.ts';
import type { Lab } from '../lab.ts';
import type { Attached, LabMachine } from '../lab-machine.ts';
import type { Scenario } from '../scenario.ts';
import { until } from '../until.ts';

const [NETWORK, SUBNET, GATEWAY] = ['blue', '10.1.0.0/24', '10.1.0.1'];

/** ms for containers to be back, and known: an engine starts them one after the other. */
const BACK = 60_000;

/** Containers of three engines in one network; one engine dies and comes back. */
export const engineRestarted: Scenario = {
  name: 'engine-restarted',
  promise: 'an engine that dies and comes back has its containers reached again, by address and by name; others notice nothing',
  async lacks(lab) {
    const there = await Promise.all(lab.machines.map(async ({ name, engine }) => ((await engine.isThere()) ? undefined : name)));
    const without = there.filter((name) => name !== undefined);
    return without.length === 0 ? undefined : `program dockerd on ${without.join(', ')}`;
  },
  async run(lab) {
    await lab.startEngines();
    const [one, two, three] = lab.machines;
    for (const { engine } of lab.machines) await engine.docker(...networkWords());
    const [, b, c] = (await Promise.all(lab.machines.map(({ name, engine }) => engine.run(NETWORK, `c-${name}`, '--restart', 'always', '--dns', GATEWAY)))) as [Attached, Attached, Attached];
    await everyPair(await attached(lab));
    await everyName(lab.machines, BACK);
    await using there = await Flow.start(b, c.ipv4);
    await using back = await Flow.start(c, b.ipv4);
    await one.engine.kill();
    const begun = performance.now();
    await one.engine.start();
    const answers = performance.now() - begun;
    const ends = await until(`the container of ${one.name} runs again`, () => attached(lab), BACK);
    await everyPair(ends, BACK);
    await everyName([one, two, three], BACK);
    const time = performance.now() - begun;
    allDiffer(ends);
    await until('etcd knows these three endpoints, and none of what died', async () => {
      const { endpoints } = await compareWithEtcd(lab);
      if (endpoints !== ends.length) throw new Error(`it knows ${String(endpoints)}`);
      return true;
    }, BACK);
    const results = await Promise.all([there.stop(), back.stop()]);
    const [sent, lost] = [results.reduce((sum, flow) => sum + flow.sent, 0), results.reduce((sum, flow) => sum + flow.lost, 0)];
    check(lost === 0, `${String(lost)} of ${String(sent)} packets between the other hosts’ containers were lost`);
    return { time, found: `from the start of the engine, which answered after ${duration(answers)}, until its container and those of two others reached each other by address and by name; ${String(sent)} packets between those two, none lost` };
  },
};

/** The same on every host: pool and gateway have to be. */
function networkWords(): string[] {
  return ['network', 'create', '-d', 'tsoverlay', '--subnet', SUBNET, '--ipam-driver', 'tsipam', '--ipam-opt', `network=${NETWORK}`, '-o', `tsoverlay.network=${NETWORK}`, '-o', 'tsoverlay.dns=gateway', NETWORK];
}

/** What the containers have now. */
function attached({ machines }: Lab): Promise<Attached[]> {
  return Promise.all(machines.map(({ name, engine }) => engine.attached(NETWORK, `c-${name}`)));
}

/** Resolves when each container reaches each other one by its name. */
async function everyName(machines: readonly LabMachine[], limit: number): Promise<void> {
  await Promise.all(machines.map(async ({ name, engine }) => {
    for (const other of machines.filter((machine) => machine.name !== name)) await until(`c-${name} reaches c-${other.name} by name`, () => engine.docker('exec', `c-${name}`, 'ping', '-c1', '-W1', `c-${other.name}`).then(() => true), limit);
  }));
}
