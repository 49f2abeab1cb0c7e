import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { hostsLine, LOCAL_HOSTS, withHostsBlock } from '../../src/dns/hosts-file.ts';

const LINES = [hostsLine('10.1.0.2', ['web', 'web.front']), hostsLine('fd00:1::2', ['web', 'web.front'])];

/** What the C library makes of a hosts file. */
function entriesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
}

describe('the hosts file', () => {
  it('gets a block of lines behind what is there', () => {
    const text = withHostsBlock(LOCAL_HOSTS, LINES);
    assert.ok(text.startsWith(LOCAL_HOSTS));
    assert.deepEqual(entriesOf(text).slice(-2), ['10.1.0.2\tweb web.front', 'fd00:1::2\tweb web.front']);
    assert.ok(entriesOf(text).includes('127.0.0.1\tlocalhost'));
  });

  it('the block is replaced where it stands, and gone without lines', () => {
    const edited = `${withHostsBlock('192.0.2.1 mine\n', LINES)}192.0.2.2 mine too\n`;
    const next = withHostsBlock(edited, [hostsLine('10.1.0.9', ['db'])]);
    assert.deepEqual(entriesOf(next), ['192.0.2.1 mine', '10.1.0.9\tdb', '192.0.2.2 mine too']);
    assert.equal(withHostsBlock(next, []), '192.0.2.1 mine\n192.0.2.2 mine too\n');
    assert.equal(withHostsBlock(next, [hostsLine('10.1.0.9', ['db'])]), next);
  });

  it('a user’s text survives any number of changes, byte for byte', () => {
    const text = fc.array(fc.constantFrom('192.0.2.1 a\n', '# note\n', '\n', '\r\n', '  \t\n', 'ö\n', '10.0.0.1\tuser\n'), { maxLength: 8 }).map((lines) => lines.join(''));
    fc.assert(
      fc.property(text, text, fc.array(fc.nat(5), { minLength: 1, maxLength: 5 }), (before, after, changes) => {
        let file = withHostsBlock(before, LINES) + after;
        for (const change of changes) file = withHostsBlock(file, change === 0 ? LINES : Array.from({ length: change }, (_, index) => hostsLine(`10.9.0.${index}`, [`n${index}`])));
        assert.equal(withHostsBlock(file, []), before + after);
      }),
    );
  });

  it('a last line without its end is not joined with ours', () => {
    assert.deepEqual(entriesOf(withHostsBlock('192.0.2.1 mine', LINES)).slice(0, 2), ['192.0.2.1 mine', '10.1.0.2\tweb web.front']);
  });

  it('a damaged block costs no line of the user’s, and leaves none of ours', () => {
    const text = `192.0.2.1 mine\n${withHostsBlock('', LINES)}\n192.0.2.2 too\n`;
    const withoutEnd = text.replace(/# netctl end.*\n/, '');
    assert.equal(withHostsBlock(withoutEnd, []), '192.0.2.1 mine\n\n192.0.2.2 too\n');
    const twice = text + withHostsBlock('', LINES);
    assert.deepEqual(entriesOf(withHostsBlock(twice, [])), ['192.0.2.1 mine', '192.0.2.2 too']);
  });

  it('a name stands once in a line', () => {
    assert.equal(hostsLine('10.0.0.2', ['Web', 'web', 'db', 'WEB']), '10.0.0.2\tWeb db');
  });
});
