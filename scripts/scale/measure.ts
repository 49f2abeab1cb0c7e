import type { Progress } from '../../bench/report/progress.ts';
import { median, quantile } from '../../bench/report/statistics.ts';
import type { Cell, Table } from '../../bench/report/table.ts';
import type { ScaleOptions } from './options.ts';
import { Simulation, type Churn } from './simulation.ts';

/** So long nothing happens, s. */
const IDLE = 20;

/** What was found, and whether every kernel holds what there is. */
export interface Findings {
  readonly table: Table;
  readonly isRight: boolean;
}

type Note = (what: string, value: Cell) => void;

/** Makes the cluster, has it work, breaks it, and looks. @throws Error when the signal aborts; nothing is left then either */
export async function measure(options: ScaleOptions, progress: Progress, signal: AbortSignal): Promise<Findings> {
  const rows: Record<string, Cell>[] = [];
  const note: Note = (what, value) => {
    rows.push({ what, value });
    progress[Symbol.dispose]();
    console.error(`${what}: ${typeof value === 'number' ? value.toFixed(1) : String(value)}`);
  };
  progress.say('etcd and daemons');
  await using simulation = await Simulation.start(options);
  const ended = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => ended.reject(signal.reason as Error));
  return await Promise.race([work(simulation, options, note, rows), ended.promise]);
}

async function work(simulation: Simulation, options: ScaleOptions, note: Note, rows: readonly Record<string, Cell>[]): Promise<Findings> {
  const { hosts, networks, daemons } = options;
  const { full } = simulation;
  const memory = (): number => Math.max(...full.map((one) => one.memory));
  note('memory of an empty daemon, MB', memory());
  note(`${String(networks)} networks, until every full host has them, s`, (await simulation.makeNetworks(networks)) / 1000);
  const joining = performance.now();
  await simulation.all({ do: 'join' });
  await simulation.allKnow(hosts);
  note('all simulated hosts come, until every full host knows, s', (performance.now() - joining) / 1000);
  for (const one of full) one.listen();
  const loading = performance.now();
  await simulation.all({ do: 'load' });
  note('all endpoints written to etcd, s', (performance.now() - loading) / 1000);
  await simulation.followed();
  note('and until every kernel has them, s', (performance.now() - loading) / 1000);
  note('memory of a daemon with them, MB (the largest)', memory());
  note('memory of etcd, MB', simulation.etcdMemory);
  await simulation.all({ do: 'watch' });
  note('every simulated host watches, until all have seen one more endpoint, s', (await simulation.allWatch()) / 1000);
  const idle = await simulation.idle(IDLE);
  note('processor of a daemon while nothing happens, %', (Math.max(...idle.daemons) / IDLE) * 100);
  note('processor of etcd while nothing happens, %', (idle.etcd / IDLE) * 100);
  for (const rate of options.rates) noteChurn(note, rate, await simulation.churn(rate, options.seconds));
  note('memory of a daemon then, MB (the largest)', memory());
  const { serves, follows } = await simulation.restartEtcd();
  note('etcd killed and started, until it serves, s', serves / 1000);
  note('and until every kernel has an endpoint that came then, s', follows / 1000);
  note('and until every simulated host has seen it, s', (follows + (await simulation.allWatch())) / 1000);
  note('entries withdrawn meanwhile', full.reduce((sum, { withdrawn }) => sum + withdrawn, 0));
  note('full hosts cut off, and everything compacted: from then until every kernel follows, s', (await simulation.compact()) / 1000);
  note('entries withdrawn meanwhile ', full.reduce((sum, { withdrawn }) => sum + withdrawn, 0));
  await simulation.followed();
  note('memory of a daemon at the end, MB (the largest)', memory());
  const wanted = await simulation.endpoints();
  const counts = await simulation.counts();
  note('leases that simulated hosts lost, or places that they did not get at once', await simulation.lost());
  note('endpoints at the end', wanted);
  note('entries in a kernel: forwarding towards hosts', counts[0]?.forwarding);
  note('and neighbours', counts[0]?.neighbours);
  const wrong = counts.filter(({ forwarding, neighbours }) => forwarding !== wanted || neighbours !== wanted).length;
  note('kernels that hold something else', wrong);
  const columns = [{ key: 'what', head: 'what' }, { key: 'value', head: 'value', digits: 1 }];
  return { table: { title: `${String(hosts)} hosts, ${String(daemons)} of them full, ${String(wanted)} endpoints in ${String(networks)} networks`, columns, rows, notes: [] }, isRight: wrong === 0 };
}

function noteChurn(note: Note, rate: number, { written, delays, missing, seconds, daemons, etcd }: Churn): void {
  const at = `at ${String(rate)} a second`;
  note(`${at}: events a second that were followed`, (written.length * 2) / seconds);
  note(`${at}: committed in etcd and heard back, p50, ms`, median(written.map(({ ms }) => ms)));
  note(`${at}: until it is in a kernel, p50, ms`, median(delays));
  note(`${at}: until it is in a kernel, p99, ms`, quantile(delays, 0.99));
  if (missing > 0) note(`${at}: endpoints that did not come`, missing);
  note(`${at}: processor of a daemon, %`, (Math.max(...daemons) / seconds) * 100);
  note(`${at}: processor of etcd, %`, (etcd / seconds) * 100);
}
