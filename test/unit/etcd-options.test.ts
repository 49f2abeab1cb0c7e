import assert from 'node:assert/strict';
import { parseClusterUrl } from '../../src/store/etcd/cluster-url.ts';
import { checkOptions } from '../../src/store/etcd/options.ts';
import { refuses } from '../support/refusal.ts';

describe('parseClusterUrl', () => {
  it('reads hosts, ports and what stands in the rest', () => {
    const plain = { prefix: 'netctl/', requestTimeout: 3000 };
    assert.deepEqual(parseClusterUrl('etcd://h1'), { ...plain, endpoints: ['http://h1:2379'] });
    assert.deepEqual(parseClusterUrl('etcd://h1:2379,10.0.0.2:4001,[fd00::1]:2379,[::1]').endpoints, ['http://h1:2379', 'http://10.0.0.2:4001', 'http://[fd00::1]:2379', 'http://[::1]:2379']);
    assert.deepEqual(parseClusterUrl('etcds://h1,h2/lab?ca=/etc/ca.pem&certificate=/etc/my%20cert.pem&key=/etc/key.pem&cluster=abc&timeout=500'), {
      endpoints: ['https://h1:2379', 'https://h2:2379'],
      prefix: 'lab/',
      tls: { ca: '/etc/ca.pem', certificate: '/etc/my cert.pem', key: '/etc/key.pem' },
      cluster: 'abc',
      requestTimeout: 500,
    });
    assert.equal(parseClusterUrl('etcd://h1/a/b/').prefix, 'a/b/');
    assert.deepEqual(parseClusterUrl('etcd://me:p%40ss%3Aw@h1').auth, { user: 'me', password: 'p@ss:w' });
    assert.deepEqual(parseClusterUrl('etcds://h1').tls, undefined);
  });

  for (const [url, reason] of [
    ['', /not of the form/],
    ['h1:2379', /not of the form etcd:\/\//],
    ['http://h1:2379', /not of the form/],
    ['ETCD://h1', /not of the form/],
    ['etcd://h1#x', /not of the form/],
    ['etcd://h1, h2', /not of the form/],
    ['etcd://', /host ''/],
    ['etcd://h1,,h2', /host ''/],
    ['etcd://h1:', /host 'h1:'/],
    ['etcd://h1:x', /host 'h1:x'/],
    ['etcd://h1:0', /port '0'; ports are 1 to 65535/],
    ['etcd://h1:65536', /port '65536'/],
    ['etcd://fd00::1', /IPv6 ones stand in brackets/],
    ['etcd://[fd00::1', /neither a name nor an address/],
    ['etcd://[:::1]', /is no address/],
    ['etcd://1.2.3.400', /is no address/],
    ['etcd://h1,h1:2379', /'http:\/\/h1:2379' stands twice/],
    ['etcd://h1?ca=/etc/ca.pem', /etcd:\/\/ is plain HTTP; write etcds:\/\//],
    ['etcds://h1?certificate=/etc/c.pem', /needs its key/],
    ['etcds://h1?key=/etc/k.pem', /needs its key, and a key its certificate/],
    ['etcd://h1?color=blue', /option 'color'; there are ca, certificate, key, cluster, timeout/],
    ['etcd://h1?cluster=', /option 'cluster' without a value/],
    ['etcd://h1?cluster=xyz', /cluster id 'xyz' must be up to sixteen hex digits/],
    ['etcd://h1?cluster=1&cluster=2', /option 'cluster' twice/],
    ['etcd://h1?timeout=3s', /timeout '3s', which is no number of milliseconds/],
    ['etcd://h1?timeout=5', /time-out 5 must be at least 100 ms/],
    ['etcd://me@h1', /needs USER:PASSWORD/],
    ['etcd://:x@h1', /needs USER:PASSWORD/],
    ['etcd://me:100%@h1', /needs USER:PASSWORD/],
    ['etcd://h1/ä', /prefix 'ä\/' must be printable ASCII/],
  ] as const) {
    it(`refuses ${url === '' ? 'nothing at all' : url}`, () => refuses(() => parseClusterUrl(url), 'INVALID', reason));
  }

  it('keeps a password to itself', () => {
    for (const text of ['me:secret@h1:0', 'me:my@secret@h1']) refuses(() => parseClusterUrl(`etcd://${text}`), 'INVALID', /^(?!.*secret)/);
  });
});

describe('the options of an etcd store', () => {
  for (const [endpoints, reason] of [
    [[], /at least one etcd/],
    [['h1:2379'], /not of the form http:\/\/host:port/],
    [['ftp://h1'], /not of the form/],
    [['http://h1/v3'], /not of the form/],
    [['http://u:p@h1'], /not of the form/],
    [['http://h1:1', 'https://h2:1'], /some etcd endpoints are http and others https/],
  ] as const) {
    it(`refuse ${endpoints.join(', ') || 'no endpoint'}`, () => refuses(() => checkOptions({ endpoints }), 'INVALID', reason));
  }

  it('refuse what would never be found again', () => {
    const endpoints = ['http://h1:1'];
    refuses(() => checkOptions({ endpoints, prefix: 'lab' }), 'INVALID', /end with '\/'/);
    refuses(() => checkOptions({ endpoints, prefix: '' }), 'INVALID', /end with '\/'/);
    refuses(() => checkOptions({ endpoints, instance: '12' }), 'INVALID', /eight hex digits/);
    refuses(() => checkOptions({ endpoints, requestTimeout: NaN }), 'INVALID', /at least 100 ms/);
    refuses(() => checkOptions({ endpoints, tls: { ca: '/ca' } }), 'INVALID', /endpoints are http/);
  });
});
