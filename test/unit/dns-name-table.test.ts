import assert from 'node:assert/strict';
import { hashName, NameTable } from '../../src/dns/name-table.ts';
import { encodeName, keyOf, keyOfText } from '../../src/dns/name.ts';

/** Two names of one hash, found by trying four million. */
const TWINS = ['--76wu', '--awfa'] as const;

/** Looks a name up from the middle of a packet, without its zero. */
function find(table: NameTable<string>, name: string): string | undefined {
  const bytes = Buffer.concat([Buffer.from('xx'), encodeName(name) ?? Buffer.alloc(0)]);
  return table.find(hashName(bytes, 2, bytes.length - 1), bytes, 2, bytes.length - 1);
}

function key(name: string): string {
  return keyOfText(name) ?? assert.fail(name);
}

describe('the table of names', () => {
  it('finds a name in whatever case, and nothing else', () => {
    const table = new NameTable<string>();
    table.set(key('Web.Front'), 'here');
    for (const name of ['web.front', 'WEB.FRONT', 'Web.Front']) assert.equal(find(table, name), 'here', name);
    for (const name of ['web', 'front', 'web.fronT0', 'web-front', 'we.bfront', 'xweb.front']) assert.equal(find(table, name), undefined, name);
  });

  it('keeps names of one hash apart', () => {
    const [one, other] = TWINS.map((name) => Buffer.from(encodeName(name) ?? []));
    assert.ok(one !== undefined && other !== undefined);
    assert.equal(hashName(one, 0, one.length - 1), hashName(other, 0, other.length - 1));
    const table = new NameTable<string>();
    for (const name of TWINS) table.set(key(name), name);
    assert.deepEqual(TWINS.map((name) => find(table, name)), TWINS);
    table.set(key(TWINS[0]), 'changed');
    assert.deepEqual(TWINS.map((name) => find(table, name)), ['changed', TWINS[1]]);
    table.delete(key(TWINS[0]));
    assert.deepEqual(TWINS.map((name) => find(table, name)), [undefined, TWINS[1]]);
    table.delete(key(TWINS[1]));
    table.delete(key(TWINS[1]));
    assert.deepEqual(TWINS.map((name) => table.get(key(name))), [undefined, undefined]);
  });

  it('folds ASCII letters only (RFC 4343)', () => {
    const bytes = Uint8Array.from([5, 0x40, 0x41, 0x5a, 0x5b, 0xc4, 0]);
    assert.equal(keyOf(bytes), '\x05\x40\x61\x7a\x5b\xc4');
  });
});
