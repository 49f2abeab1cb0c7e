import assert from 'node:assert/strict';
import { fuzzDns } from '../support/dns-fuzz.ts';

describe('mutated packets', () => {
  it('are answered as they deserve, or not at all, each within a millisecond', () => {
    const { outcomes } = fuzzDns(40_000, 20_261_122);
    // Mutations that never got through would prove nothing.
    for (const outcome of ['NOERROR', 'NXDOMAIN', 'FORMERR', 'NOTIMP', 'REFUSED', 'forward', 'drop', 'answer refused', 'answer passed on']) {
      assert.ok((outcomes.get(outcome) ?? 0) > 100, `${outcome}: ${outcomes.get(outcome) ?? 0} times`);
    }
  });
});
