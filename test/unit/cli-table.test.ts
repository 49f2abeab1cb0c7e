import assert from 'node:assert/strict';
import { formatSheet, formatTable } from '../../src/cli/table.ts';

describe('tables on a terminal', () => {
  it('align columns and cut blanks at the end', () => {
    assert.deepEqual(formatTable(['A', 'B'], [['long', ''], ['x', 'y']]), ['A      B', 'long', 'x      y']);
  });

  it('show what would steer the terminal or break the line instead of doing it', () => {
    const [, row = ''] = formatTable(['LABEL'], [['a=\u001b[31mred\nline\u202e']]);
    assert.equal(row, 'a=\\u{1b}[31mred\\nline\\u{202e}');
    assert.deepEqual(formatSheet([['Labels', ['a\u0000b=\u009b2J', "it's C:\\"]]]), ['Labels: a\\u{0}b=\\u{9b}2J', "        it's C:\\"]);
  });
});
