import assert from 'node:assert/strict';
import { Stage } from '../../scripts/lib/stage.ts';
import type { TypedShell } from '../../scripts/lib/typed-shell.ts';

/** A shell that answers with these, one after the other, the last again and again. */
function shell(...answers: readonly (readonly [output: string, code?: number])[]): TypedShell {
  let at = 0;
  const type = async (): Promise<{ output: string; code: number }> => {
    const [output = '', code = 0] = answers[Math.min(at++, answers.length - 1)] ?? [];
    return { output, code };
  };
  return { type } as unknown as TypedShell;
}

describe('what the demo shows', () => {
  let text = '';
  const stage = (colour = false): Stage => {
    text = '';
    return new Stage((more) => (text += more), colour);
  };

  it('is the command, what it printed and nothing that a terminal would interpret', async () => {
    const plain = stage();
    plain.heading('Networks');
    await plain.type(shell(['hello']), 'curl web', { shows: /^hello$/ });
    assert.equal(text, '\nNetworks\n$ curl web\nhello\n');
    assert.equal(plain.held, 1);
    await stage(true).type(shell(['hello']), 'curl web');
    assert.equal(text, '\u001B[1m$ curl web\u001B[0m\n\u001B[2mhello\u001B[0m\n');
  });

  it('is cut where it gets long', async () => {
    await stage().type(shell(['1\n2\n3\n4']), 'seq 4', { lines: 2 });
    assert.equal(text, '$ seq 4\n1\n2\n… (2 more lines)\n');
  });

  it('ends at the first command that does not do what is said of it, after its output', async () => {
    await assert.rejects(stage().type(shell(['bye']), 'curl web', { shows: /hello/ }), { message: "'curl web' was to show /hello/" });
    assert.equal(text, '$ curl web\nbye\n');
    await assert.rejects(stage().type(shell(['', 7]), 'curl web'), { message: "'curl web' was to end with code 0, not 7" });
    await assert.rejects(stage().type(shell(['']), 'curl web', { code: 7 }), { message: "'curl web' was to end with code 7, not 0" });
    assert.throws(() => stage().check(false, 'nothing was to be left'), { message: 'nothing was to be left' });
  });

  it('is only the last try of a command that has time to come true', async () => {
    const { output } = await stage().type(shell(['', 28], ['', 28], ['hello']), 'curl web', { shows: /hello/, within: 5000 });
    assert.equal(output, 'hello');
    assert.equal(text, '$ curl web\nhello\n');
    await assert.rejects(stage().type(shell(['', 28]), 'curl web', { within: 100 }), /was to end with code 0, not 28/);
  });
});
