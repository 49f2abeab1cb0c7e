import assert from 'node:assert/strict';
import { hostsLine, LOCAL_HOSTS } from '../../src/dns/hosts-file.ts';

describe('the hosts file', () => {
  it('begins with localhost in both families', () => {
    const local = LOCAL_HOSTS.split('\n').filter((line) => /\slocalhost(\s|$)/.test(line));
    assert.deepEqual(local.map((line) => line.split('\t')[0]), ['127.0.0.1', '::1']);
  });

  it('has each name once in a line', () => {
    assert.equal(hostsLine('10.0.0.2', ['Web', 'web', 'db', 'WEB']), '10.0.0.2\tWeb db');
  });
});
