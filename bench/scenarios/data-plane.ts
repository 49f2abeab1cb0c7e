import { PrivateHost } from '../../test/support/host.ts';
import type { BenchOptions } from '../options.ts';
import type { Progress } from '../report/progress.ts';
import type { Cell, Table } from '../report/table.ts';
import { SIDE_BY_SIDE, SIDE_BY_SIDE_NOTE, sideBySide, type Path } from './side-by-side.ts';
import { handMade, ours, SANDBOXES } from './two-sandboxes.ts';
import type { Scenario } from './scenario.ts';

/** TCP through our links beside the same links made by hand. */
export const dataPlane: Scenario = { name: 'data-plane', run };

async function run(options: BenchOptions, progress: Progress): Promise<readonly Table[]> {
  await using stack = new AsyncDisposableStack();
  const [one, two] = [stack.use(await PrivateHost.start()), stack.use(await PrivateHost.start())];
  progress.say('data-plane: making links');
  stack.use(await ours(one));
  await handMade(two);
  const extent = options.quick ? { pairs: 2, ms: 100 } : { pairs: 12, ms: 400 };
  const rows: Record<string, Cell>[] = [];
  for (const [path, find] of [['neighbours', neighbours], ['published port', published]] as const) {
    const found = await sideBySide({ ours: find(one), hand: find(two) }, extent, (what) => progress.say(`data-plane: ${path}, ${what}`));
    rows.push(...found.map((row) => ({ path, ...row })));
  }
  return [{ title: 'TCP through our links and through the same links made by hand', columns: [{ key: 'path', head: 'path' }, ...SIDE_BY_SIDE], rows, notes: [SIDE_BY_SIDE_NOTE] }];
}

function neighbours(host: PrivateHost): Path {
  return { from: host.netns(SANDBOXES.client), address: SANDBOXES.serverAddress, to: host.netns(SANDBOXES.server) };
}

function published(host: PrivateHost): Path {
  return { from: host.outside, address: host.address4, port: SANDBOXES.hostPort, to: host.netns(SANDBOXES.server) };
}
