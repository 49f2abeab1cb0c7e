import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { requireHostname, requireInterfaceName, requireNetworkName, requireSandboxName } from '../../src/common/name.ts';
import { quote } from '../../src/common/quote.ts';
import { refuses } from '../support/refusal.ts';

/** What people and attackers send where a name is wanted. */
const HOSTILE = ['', '.', '..', '../x', 'a/b', '-x', ' a', 'a b', 'a\n', 'a"b', "a'b", 'a;flush ruleset', 'a\0', 'a\u001b[2J', 'ä', 'a%d', '$(id)', '`id`', '{', 'a*', 'a+', 'a,b', 'a:b', 'a\\b'];

describe('names', () => {
  it('take Docker names for networks and sandboxes', () => {
    for (const name of ['a', 'web', 'my_net-1.0', '0', 'A..b', 'x'.repeat(64)]) {
      assert.equal(requireNetworkName(name), name);
      assert.equal(requireSandboxName(name), name);
    }
  });

  it('refuse everything else, naming value and rule in one line', () => {
    for (const name of [...HOSTILE, 'x'.repeat(65), '_a', '.a']) {
      refuses(() => requireNetworkName(name), 'INVALID', /^network name '.*1 to 64 letters/);
      refuses(() => requireSandboxName(name), 'INVALID', /^sandbox name '/);
    }
  });

  it('take interface names of 1 to 15 characters that the kernel and both firewalls take literally', () => {
    for (const name of ['lo', 'eth0', 'eth0.10', 'br-0123456789ab', 'wg_a', 'veth@1', '123456789012345']) {
      assert.equal(requireInterfaceName(name), name);
    }
    for (const name of [...HOSTILE, '1234567890123456', 'all', 'default']) {
      refuses(() => requireInterfaceName(name, 'bridge name'), 'INVALID', /^bridge name '/);
    }
    refuses(() => requireInterfaceName('br-0123456789abc'), 'INVALID', /^interface name 'br-0123456789abc' .*1 to 15/);
  });

  it('take RFC 1123 host names', () => {
    for (const name of ['a', 'web-1', 'db.example.org', '1.example', 'x'.repeat(63), Array.from({ length: 4 }, () => 'y'.repeat(62)).join('.')]) {
      assert.equal(requireHostname(name), name);
    }
    for (const name of ['', '.', 'a.', '.a', 'a..b', '-a', 'a-', 'a_b', 'a b', 'a\n', 'x'.repeat(64), Array.from({ length: 5 }, () => 'y'.repeat(50)).join('.'), 'ä']) {
      refuses(() => requireHostname(name), 'INVALID', /^host name '/);
    }
  });
});

describe('quote', () => {
  it('leaves plain text as it is', () => {
    assert.equal(quote('web-1 ä 網'), "'web-1 ä 網'");
  });

  it('writes out what would break the line, the quotes or the terminal', () => {
    assert.equal(quote('a\nb\tc\r'), "'a\\nb\\tc\\r'");
    assert.equal(quote("it's \\"), "'it\\'s \\\\'");
    assert.equal(quote('\u001b[31m\u202e\u2028\ud800'), "'\\u{1b}[31m\\u{202e}\\u{2028}\\u{d800}'");
  });

  it('cuts after 64 characters and says so, without splitting one', () => {
    assert.equal(quote('x'.repeat(64)), `'${'x'.repeat(64)}'`);
    assert.equal(quote('x'.repeat(65)), `'${'x'.repeat(64)}…'`);
    assert.equal(quote('😀'.repeat(70)), `'${'😀'.repeat(64)}…'`);
  });

  it('never lets anything else than one printable line through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const quoted = quote(text);
        assert.doesNotMatch(quoted, /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Cf}]/u);
        assert.match(quoted, /^'.*'$/u);
        assert.doesNotMatch(quoted.slice(1, -1).replaceAll(/\\./g, ''), /'/);
      }),
      { numRuns: 1000 },
    );
  });
});
