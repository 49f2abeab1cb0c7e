import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { planAcceptRule } from '../../src/firewall/accept-rule.ts';
import { parseSave } from '../../src/firewall/iptables-save.ts';

const OURS = '-m mark --mark 0x10000000/0x10000000 -m comment --comment "netctl:0a1b2c3d" -j ACCEPT';
const THEIRS = OURS.replace('0a1b2c3d', 'ffffffff');
const USER = '-j DOCKER-USER';

/** A filter table with these rules in FORWARD. */
function table(...forward: readonly string[]): string {
  return ['*filter', ':INPUT ACCEPT [0:0]', ':FORWARD DROP [12:720]', ':DOCKER-USER - [0:0]', '-A DOCKER-USER -j RETURN', ...forward.map((rule) => `-A FORWARD ${rule}`), 'COMMIT', ''].join('\n');
}

/** FORWARD after the plan for the given one was carried out. */
function after(forward: readonly string[], wanted = true): string[] {
  const rules = [...forward];
  for (const op of planAcceptRule(table(...forward), { family: 4, variant: 'nft' }, '0a1b2c3d', wanted)) {
    for (const line of op.batch.split('\n')) {
      const [, verb, rest = ''] = /^-([DI]) FORWARD (.*)$/.exec(line) ?? [];
      const [, at = '', spec = ''] = /^(\d+) (.*)$/.exec(rest) ?? [];
      if (verb === 'I') rules.splice(Number(at) - 1, 0, spec);
      if (verb === 'D') {
        assert.ok(rules.includes(rest), `deletes what is not there: ${rest}`);
        rules.splice(rules.indexOf(rest), 1);
      }
    }
  }
  return rules;
}

function isOurs(rule: string): boolean {
  return rule.includes('"netctl:0a1b2c3d" -j ACCEPT');
}

describe('the accept rule in iptables', () => {
  it('stands first where there is no DOCKER-USER', () => {
    assert.deepEqual(after([]), [OURS]);
    assert.deepEqual(after(['-j ufw-before-forward', '-j LOG']), [OURS, '-j ufw-before-forward', '-j LOG']);
  });

  it('stands right behind the jump to DOCKER-USER', () => {
    assert.deepEqual(after([USER, '-j DOCKER-FORWARD']), [USER, OURS, '-j DOCKER-FORWARD']);
    assert.deepEqual(after(['-j LOG', USER, '-o docker0 -j DOCKER']), ['-j LOG', USER, OURS, '-o docker0 -j DOCKER']);
  });

  it('is not made twice, and nothing is done where it stands right', () => {
    for (const right of [[OURS], [USER, OURS], [USER, OURS, '-j DOCKER-FORWARD']]) {
      assert.deepEqual(planAcceptRule(table(...right), { family: 6, variant: 'legacy' }, '0a1b2c3d', true), []);
    }
    assert.deepEqual(after([USER, OURS, '-j X', OURS]), [USER, OURS, '-j X']);
  });

  it('moves when an engine starts and puts its jump above', () => {
    assert.deepEqual(after([OURS, USER]), [USER, OURS]);
    assert.deepEqual(after([USER, '-j DOCKER-FORWARD', OURS]), [USER, OURS, '-j DOCKER-FORWARD']);
  });

  it('is made anew when somebody changed it', () => {
    const weak = OURS.replace('--mark 0x10000000/0x10000000', '--mark 0x10000000');
    const wide = OURS.replace('-m mark --mark 0x10000000/0x10000000 ', '');
    assert.deepEqual(after([weak]), [OURS]);
    assert.deepEqual(after([wide, USER]), [USER, OURS]);
  });

  it('lives beside that of another owner without either moving', () => {
    assert.deepEqual(after([USER, THEIRS, OURS]), [USER, THEIRS, OURS]);
    assert.deepEqual(after([USER, THEIRS]), [USER, OURS, THEIRS]);
  });

  it('goes, and nothing else does', () => {
    const forward = [USER, OURS, THEIRS, `-m comment --comment "about netctl:0a1b2c3d" -j ACCEPT`, OURS];
    assert.deepEqual(after(forward, false), [USER, THEIRS, forward[3]]);
    assert.deepEqual(planAcceptRule(table(USER), { family: 4, variant: 'nft' }, '0a1b2c3d', false), []);
  });

  it('stands in INPUT as well, where it is wanted', () => {
    const saved = ['*filter', ':INPUT DROP [0:0]', ':FORWARD DROP [0:0]', '-A INPUT -i lo -j ACCEPT', 'COMMIT', ''].join('\n');
    const batch = (text: string, wanted: boolean): string[] => planAcceptRule(text, { family: 4, variant: 'nft' }, '0a1b2c3d', wanted, 'INPUT').map((op) => op.batch);
    assert.deepEqual(batch(saved, true), [`*filter\n-I INPUT 1 ${OURS}\nCOMMIT\n`]);
    const there = saved.replace('-A INPUT -i lo', `-A INPUT ${OURS}\n-A INPUT -i lo`);
    assert.deepEqual(batch(there, true), []);
    assert.deepEqual(batch(there, false), [`*filter\n-D INPUT ${OURS}\nCOMMIT\n`]);
    assert.deepEqual(planAcceptRule(there, { family: 4, variant: 'nft' }, '0a1b2c3d', false), [], 'the other chain is not looked at');
  });

  it('is not made where there is no FORWARD chain', () => {
    assert.deepEqual(planAcceptRule('', { family: 4, variant: 'nft' }, '0a1b2c3d', true), []);
    assert.deepEqual(planAcceptRule('*nat\n:FORWARD ACCEPT [0:0]\nCOMMIT\n', { family: 4, variant: 'nft' }, '0a1b2c3d', true), []);
  });

  it('is planned for the rule set that was read', () => {
    const [op] = planAcceptRule(table(USER), { family: 6, variant: 'legacy' }, '0a1b2c3d', true);
    assert.deepEqual(op, { op: 'iptables-restore', family: 6, variant: 'legacy', batch: `*filter\n-I FORWARD 2 ${OURS}\nCOMMIT\n` });
  });

  it('whatever stands there: ours once, behind the user’s rules, others untouched, and then for good', () => {
    const rule = fc.constantFrom(USER, OURS, THEIRS, '-j LOG', '-i docker0 -j ACCEPT', '-m comment --comment "a \\" b" -j DROP', '-j DOCKER-USER -m comment --comment x', OURS.replace('-m mark --mark 0x10000000/0x10000000 ', ''));
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 8 }), fc.boolean(), (forward, wanted) => {
        const result = after(forward, wanted);
        assert.deepEqual(result.filter((text) => !isOurs(text)), forward.filter((text) => !isOurs(text)));
        assert.deepEqual(result.filter(isOurs), wanted ? [OURS] : []);
        if (wanted) assert.ok(result.indexOf(OURS) > result.lastIndexOf(USER));
        assert.deepEqual(after(result, wanted), result);
      }),
    );
  });
});

describe('the text of iptables-save', () => {
  it('gives rules by chain, in order, words without quotes', () => {
    const saved = parseSave('# x\n*nat\n:OTHER - [0:0]\n*filter\n:FORWARD ACCEPT [1:2]\n:EMPTY - [0:0]\n[3:180] -A FORWARD -m comment --comment "say \\"hi\\" \\\\ there" -j LOG\n-A FORWARD -g EMPTY\nCOMMIT\n', 'filter');
    assert.deepEqual([...saved.keys()], ['FORWARD', 'EMPTY']);
    assert.deepEqual(saved.get('EMPTY'), []);
    assert.deepEqual(saved.get('FORWARD')?.map(({ comment, target }) => ({ comment, target })), [
      { comment: 'say "hi" \\ there', target: 'LOG' },
      { comment: undefined, target: 'EMPTY' },
    ]);
  });
});
