import assert from 'node:assert/strict';
import { nftError } from '../../src/kernel/nft-error.ts';

describe('what nft says of rules that it refuses', () => {
  it('is its first sentence and the line that it points at', () => {
    const { code, message, kernel } = nftError('/dev/stdin:1:13-15: Error: Could not process rule: No such file or directory\ndelete table x\n             ^\n');
    assert.deepEqual([code, kernel?.symbol], ['KERNEL', 'ENOENT']);
    assert.equal(message, 'nft refused the rules: Could not process rule: No such file or directory in `delete table x`');
  });

  it('comes with the way out where minimal images lack the names of protocols', () => {
    assert.match(nftError('<cmdline>:1:1-7: Error: Could not resolve protocol name\nadd …\n', false).message, /\/etc\/protocols: install netbase/);
  });
});
