import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { formatResolvConf, ndotsOf, parseResolvConf } from '../../src/dns/resolv-conf.ts';

describe('resolv.conf', () => {
  it('names servers, search domains and options', () => {
    const text = ['# made by hand', '; and again', 'nameserver 192.0.2.1', 'nameserver\t2001:DB8::0:1', 'search corp.example  example.com\tlan', 'options ndots:2 rotate', 'options edns0 trust-ad', ''].join('\n');
    assert.deepEqual(parseResolvConf(text), {
      servers: ['192.0.2.1', '2001:db8::1'],
      search: ['corp.example', 'example.com', 'lan'],
      options: ['ndots:2', 'rotate', 'edns0', 'trust-ad'],
    });
  });

  it('of search and domain the last one counts', () => {
    assert.deepEqual(parseResolvConf('search a b\ndomain c\n').search, ['c']);
    assert.deepEqual(parseResolvConf('domain c d\nsearch a b').search, ['a', 'b']);
    assert.deepEqual(parseResolvConf('search a\nsearch \ndomain\t').search, ['a'], 'an empty one says nothing');
    assert.deepEqual(parseResolvConf('search a # b').search, ['a', '#', 'b'], 'as the C libraries have it');
  });

  it('what the C library passes over is passed over', () => {
    for (const line of [' nameserver 192.0.2.1', '\tnameserver 192.0.2.1', 'nameserver', 'nameserver192.0.2.1', 'Nameserver 192.0.2.1', 'nameserver dns.example', 'nameserver 192.0.2.1\r', 'nameserver 192.0.2.256', 'nameserver 1.2.3.4.5', 'nameserver 192.0.2.1:53', 'nameserver [::1]', 'nameserver %eth0', 'nameserver 192.0.2.1%eth0', 'nameserver 09.0.0.1', '#nameserver 192.0.2.1', 'options', 'nonsense']) {
      assert.deepEqual(parseResolvConf(`${line}\n`), { servers: [], search: [], options: [] }, JSON.stringify(line));
    }
    assert.deepEqual(parseResolvConf('nameserver 192.0.2.1 # office\nnameserver 192.0.2.2;\n').servers, ['192.0.2.1']);
  });

  it('addresses may be old-fashioned or have a scope', () => {
    const servers = ['127.1', '0x7f000001', '010.0.0.1', '10.1.258', '3232235777', 'fe80::1%eth0', 'fe80::1%2'];
    assert.deepEqual(parseResolvConf(servers.map((server) => `nameserver ${server}`).join('\n')).servers, ['127.0.0.1', '127.0.0.1', '8.0.0.1', '10.1.1.2', '192.168.1.1', 'fe80::1%eth0', 'fe80::1%2']);
  });

  it('ndots is the last one said, 15 at most', () => {
    assert.equal(ndotsOf([]), undefined);
    assert.equal(ndotsOf(['rotate', 'ndots:3', 'ndots:1']), 1);
    assert.deepEqual([ndotsOf(['ndots:99']), ndotsOf(['ndots:']), ndotsOf(['ndots:x']), ndotsOf(['ndots:-1']), ndotsOf(['ndots'])], [15, 0, 0, 0, undefined]);
  });

  it('what is printed is read as it was meant', () => {
    const word = fc.stringMatching(/^[a-z0-9.:_-]{1,20}$/);
    const conf = fc.record({ servers: fc.array(fc.oneof(fc.ipV4(), fc.constantFrom('2001:db8::1', 'fe80::1%eth0', '::')), { maxLength: 5 }), search: fc.array(word, { maxLength: 8 }), options: fc.array(word, { maxLength: 8 }) }, { noNullPrototype: true });
    fc.assert(fc.property(conf, fc.array(fc.stringMatching(/^[ -~]*$/), { maxLength: 3 }), (wanted, remarks) => assert.deepEqual(parseResolvConf(formatResolvConf(wanted, remarks)), wanted)));
  });

  it('any text can be read, in a time that grows with its length', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('nameserver ', 'search ', 'options ', '\n', ' ', '\t', '#', '1.2.3.4', 'a', '%', ':') }), (text) => void parseResolvConf(text)));
    const start = performance.now();
    parseResolvConf(`options ${'ndots:1 '.repeat(100_000)}\nsearch ${'\t'.repeat(500_000)}x\n${' '.repeat(500_000)}`);
    assert.ok(performance.now() - start < 1000);
  });
});
