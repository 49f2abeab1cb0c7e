import { PrivateHost } from '../../test/support/host.ts';
import type { BenchOptions } from '../options.ts';
import type { Progress } from '../report/progress.ts';
import type { Cell, Column, Table } from '../report/table.ts';
import { firstLine } from './first-line.ts';
import type { Scenario } from './scenario.ts';
import { SIDE_BY_SIDE, SIDE_BY_SIDE_NOTE, sideBySide, type Path } from './side-by-side.ts';
import { twoContainers } from './two-containers.ts';
import { handMade, ours, SANDBOXES } from './two-sandboxes.ts';

const COLUMNS: readonly Column[] = [{ key: 'path', head: 'path' }, { key: 'beside', head: 'beside' }, ...SIDE_BY_SIDE];

/** What is measured in each of them. */
const PATHS = ['neighbours', 'published port'] as const;

type Paths = Readonly<Record<(typeof PATHS)[number], Path>>;

/** TCP through our links, beside the same links made by hand and beside those of Docker's built-in bridge. */
export const dataPlane: Scenario = { name: 'data-plane', run };

async function run(options: BenchOptions, progress: Progress): Promise<readonly Table[]> {
  await using stack = new AsyncDisposableStack();
  const host = async (): Promise<PrivateHost> => stack.use(await PrivateHost.start());
  const [one, two, three] = [await host(), await host(), await host()];
  progress.say('data-plane: making links');
  stack.use(await ours(one));
  await handMade(two);
  const others: [beside: string, Paths][] = [['by hand', ofSandboxes(two)]];
  const notes = [SIDE_BY_SIDE_NOTE];
  try {
    const containers = stack.use(await twoContainers(three));
    const { client, server, serverAddress: address, hostPort: port } = containers;
    others.push(['Docker, -d bridge', { neighbours: { from: client, address, to: server }, 'published port': { from: three.outside, address: three.address4, port, to: server } }]);
  } catch (error) {
    notes.push(`Docker’s bridge not run: ${firstLine(error)}`);
  }
  const extent = options.quick ? { pairs: 2, ms: 100 } : { pairs: 12, ms: 400 };
  const rows: Record<string, Cell>[] = [];
  for (const path of PATHS) {
    for (const [beside, other] of others) {
      const found = await sideBySide({ ours: ofSandboxes(one)[path], other: other[path] }, extent, (what) => progress.say(`data-plane: ${path}, beside ${beside}, ${what}`));
      rows.push(...found.map((row) => ({ path, beside, ...row })));
    }
  }
  return [{ title: 'TCP through our links, beside the same links made by hand and those of Docker’s bridge', columns: COLUMNS, rows, notes }];
}

function ofSandboxes(host: PrivateHost): Paths {
  const server = host.netns(SANDBOXES.server);
  return {
    neighbours: { from: host.netns(SANDBOXES.client), address: SANDBOXES.serverAddress, to: server },
    'published port': { from: host.outside, address: host.address4, port: SANDBOXES.hostPort, to: server },
  };
}
