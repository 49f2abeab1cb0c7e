import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { IPVLAN_OPTION_TABLE } from '../../drivers/ipvlan/options.ts';
import { MACVLAN_OPTION_TABLE } from '../../drivers/macvlan/options.ts';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

describe('options of macvlan and ipvlan', () => {
  it('stand in the README as they are', () => {
    for (const { key, default: value, meaning } of [...MACVLAN_OPTION_TABLE, ...IPVLAN_OPTION_TABLE]) {
      // Those that both have stand there once.
      const row = `| ${key.replace(/^tsipvlan\./, 'tsmacvlan.')} | ${value} | ${meaning.replaceAll('|', '\\|')} |`;
      assert.ok(README.includes(row), `the README lacks the row\n${row}`);
    }
  });
});
