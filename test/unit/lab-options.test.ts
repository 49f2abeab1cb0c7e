import assert from 'node:assert/strict';
import { readOptions, usage } from '../../scripts/lab/options.ts';
import { EXTENTS } from '../../scripts/lab/scenario.ts';
import { SCENARIOS } from '../../scripts/lab/scenarios/all-scenarios.ts';

const KNOWN = [{ name: 'one', promise: 'the first' }, { name: 'another', promise: 'the second' }];

describe('the command line of the lab', () => {
  it('lists every scenario with its promise in --help', () => {
    const said = usage(SCENARIOS);
    for (const { name, promise } of SCENARIOS) assert.match(said, new RegExp(`^  ${name} +${promise.replaceAll(/[()]/g, '\\$&')}$`, 'm'));
  });

  it('runs all scenarios in their own order, or those that are named', () => {
    assert.deepEqual(readOptions(['test'], KNOWN, 7), { on: 'namespaces', scenarios: ['one', 'another'], extent: { ...EXTENTS.short, seed: 7 }, format: 'table' });
    assert.deepEqual(readOptions(['test', 'another', 'one', '--full', '--on', 'qemu', '--format', 'json', '--seed', '12'], KNOWN, 7), { on: 'qemu', scenarios: ['one', 'another'], extent: { ...EXTENTS.full, seed: 12 }, format: 'json' });
    assert.equal(readOptions(['test', 'nothing', '-h'], KNOWN, 7), 'help');
  });

  for (const { args, says } of [
    { args: [], says: /^nothing to do: try 'lab test', or --help$/ },
    { args: ['up'], says: /^'up' is not known: try 'lab test', or --help$/ },
    { args: ['test', 'two'], says: /^no scenario 'two': there are one, another$/ },
    { args: ['test', '--on', 'mars'], says: /^--on 'mars' must be one of namespaces, qemu, vagrant$/ },
    { args: ['test', '--format', 'xml'], says: /^--format 'xml' must be table or json$/ },
    { args: ['test', '--seed', '1e3'], says: /^--seed '1e3' must be a whole number below 1000000000$/ },
    { args: ['test', '--fulll'], says: /^Unknown option '--fulll': --help lists what there is$/ },
    { args: ['test', '--on'], says: /^Option '--on <value>' argument missing: --help lists what there is$/ },
  ]) {
    it(`refuses '${args.join(' ')}' in one line`, () => {
      assert.throws(() => readOptions(args, KNOWN, 7), ({ message }: Error) => says.test(message));
    });
  }
});
