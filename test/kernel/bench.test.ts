import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { formatTable, type Table } from '../../bench/report/table.ts';
import { median, quantile } from '../../bench/report/statistics.ts';
import { readOptions } from '../../bench/options.ts';
import { run } from '../support/run.ts';

const MAIN = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));

const bench = (...args: readonly string[]): ReturnType<typeof run> => run([process.execPath, MAIN, ...args], { allowFail: true });

describe('the benchmark', () => {
  it('attaches, detaches and publishes through the daemon and by hand', async function () {
    const { stdout, stderr, code } = await bench('attach', 'publish', '--quick', '--peers', 'api,netlink', '--format', 'json');
    assert.equal(code, 0, stderr);
    assert.equal(stderr, '');
    const { tables } = JSON.parse(stdout) as { readonly tables: readonly (Table & { readonly scenario: string })[] };
    assert.deepEqual(tables.map(({ scenario }) => scenario), ['attach', 'publish']);
    for (const { rows } of tables) {
      assert.deepEqual([...new Set(rows.map(({ name }) => name))], ['api', 'netlink']);
      for (const row of rows) assert.equal(row['note'], undefined);
    }
    const times = tables.flatMap(({ rows }) => rows.map((row) => row['attach50'] ?? row['publish']));
    assert.ok(times.every((time) => typeof time === 'number' && time > 0), JSON.stringify(times));
  });

  it('asks name servers, and beside a flood', async function () {
    const { stdout, stderr, code } = await bench('dns', '--quick', '--peers', 'netctl-dns,dnsmasq', '--format', 'json');
    assert.equal(code, 0, stderr);
    const { tables } = JSON.parse(stdout) as { readonly tables: readonly Table[] };
    const [throughput, neighbours, crowd] = tables;
    assert.deepEqual(throughput?.rows.map(({ name, lost }) => [name, lost]), [['netctl-dns', 0], ['dnsmasq', 0]]);
    for (const row of throughput?.rows ?? []) assert.ok(Number(row['perSecond']) > 1000 && Number(row['cpu']) > 0, JSON.stringify(row));
    const ours = neighbours?.rows.filter(({ name }) => name === 'netctl-dns') ?? [];
    assert.deepEqual(ours.map(({ lost }) => lost), [0, 0, 0, 0]);
    assert.ok(ours.every(({ answered }) => Number(answered) > 10), JSON.stringify(ours));
    assert.ok(Number(crowd?.rows[0]?.['p50']) > 0);
  });

  it('refuses what it does not understand', async () => {
    for (const [args, words] of [
      [['nix'], "bench: no scenario 'nix': there are attach, publish, data-plane, overlay, restart, dns"],
      [['--peers', 'nix'], "bench: no peer 'nix'"],
      [['--count', '0'], "bench: --count '0' must be whole numbers from 1"],
      [['--format', 'xml'], "bench: --format 'xml' must be table or json"],
    ] as const) {
      const { stderr, code } = await bench(...args);
      assert.equal(code, 1);
      assert.ok(stderr.startsWith(words), stderr);
    }
  });

  it('counts endpoints upwards', () => {
    const options = readOptions(['--count', '100,1'], ['attach']);
    assert.deepEqual(options === 'help' ? [] : options.counts, [1, 100]);
  });

  it('takes quantiles that were really measured', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(quantile([4, 1, 3, 2], 0.5), 2);
    assert.equal(quantile([1, 2, 3], 0.99), 3);
    assert.ok(Number.isNaN(median([])));
  });

  it('prints tables without the columns that say nothing', () => {
    const columns = [{ key: 'a', head: 'peer' }, { key: 'b', head: 'ms', digits: 1 }, { key: 'c', head: 'not run' }];
    const rows = [{ a: 'one', b: 2 }, { a: 'three', b: 12.34 }];
    assert.equal(
      formatTable({ title: 'T', columns, rows, notes: ['n'] }),
      '## T\n\n| peer  |   ms |\n|-------|-----:|\n| one   |  2.0 |\n| three | 12.3 |\n\n- n\n',
    );
  });
});
