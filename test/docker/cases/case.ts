import type { DockerLab } from '../../support/docker-lab.ts';
import type { ReachOptions, Place, Serving } from '../../support/place.ts';

/** The driver that a case runs on. */
export type CaseDriver = 'bridge' | 'tsbridge';

/** Something that a user does with networks, and what comes of it. */
export interface Case {
  readonly title: string;
  readonly observe: (lab: DockerLab, driver: CaseDriver) => Promise<Observation>;
  /** The same on both drivers. */
  readonly expected: Observation;
  /** Where the built-in bridge of some engines (20.10 to 27) is known to do otherwise: `group.name` to what it does there. */
  readonly otherwise?: Readonly<Record<string, string>>;
}

/** Findings by name, or by group and name. */
export type Observation = Readonly<Record<string, unknown>>;

/** What was observed on the built-in bridge, but for what it is known to do otherwise. */
export function butForKnown(observed: Observation, { expected, otherwise = {} }: Pick<Case, 'expected' | 'otherwise'>): Observation {
  const merged: Record<string, unknown> = { ...observed };
  for (const [path, there] of Object.entries(otherwise)) {
    const [group = '', name] = path.split('.');
    const found = merged[group];
    if (name === undefined && found === there) merged[group] = expected[group];
    if (name !== undefined && isGroup(found) && found[name] === there) merged[group] = { ...found, [name]: (expected[group] as Observation)[name] };
  }
  return merged;
}

function isGroup(value: unknown): value is Observation {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Who the server says the client is, or why there was no answer. */
export async function answerOf(from: Place, address: string, port: number, options: ReachOptions = {}): Promise<string> {
  const { outcome, answer } = await from.probe(address, port, { timeoutMs: 1500, ...options });
  return outcome === 'answered' ? (/ from (\S+) /.exec(answer)?.[1] ?? answer) : outcome;
}

/** Tries all at once. */
export async function answersOf(from: Place, targets: Readonly<Record<string, readonly [string, number, ReachOptions?]>>): Promise<Record<string, string>> {
  const entries = Object.entries(targets).map(async ([name, [address, port, options]]) => [name, await answerOf(from, address, port, options)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** Servers on tcp ports (and udp, as -PORT) of a place, until disposed. */
export async function serveAll(place: Place, ports: readonly number[]): Promise<AsyncDisposable> {
  const stack = new AsyncDisposableStack();
  const served = await Promise.all(ports.map((port): Promise<Serving> => place.serve(Math.abs(port), port < 0 ? 'udp' : 'tcp', 'served')));
  for (const one of served) stack.use(one);
  return stack;
}

/** Whether a ping from inside a container is answered, soon: an IPv6 address of the engine's own bridge is on trial for a second (DAD). */
export async function pings(lab: DockerLab, container: string, target: string): Promise<boolean> {
  const script = `for try in 1 2 3; do ping -c 1 -W 1 ${target} && exit 0; done; exit 1`;
  return (await lab.engine.docker(['exec', container, 'sh', '-c', script], { allowFail: true })).code === 0;
}
