import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { parseAddress, formatAddress } from '../../src/common/address.ts';
import { Directory } from '../../src/dns/directory.ts';
import { reverseName } from '../../src/dns/reverse-name.ts';
import { asker, endpoint, look, network } from '../support/dns-questions.ts';

/** Somebody on a network of these subnets, with one endpoint. */
function directoryOf(subnets: readonly string[], addresses: readonly string[] = []): Directory {
  const directory = new Directory();
  directory.setNetwork(network('n', [endpoint('e', ['web'], addresses)], { subnets }));
  directory.setAsker(asker(['n']));
  return directory;
}

describe('names of addresses', () => {
  it('lead to the first name and its network', () => {
    const directory = directoryOf(['10.1.2.0/24', 'fd00:1::/64'], ['10.1.2.30', 'fd00:1::abcd']);
    assert.deepEqual(look(directory, '30.2.1.10.in-addr.arpa', 'PTR'), ['NOERROR', 'web.n']);
    const six = 'd.c.b.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa';
    assert.deepEqual(look(directory, six, 'PTR'), ['NOERROR', 'web.n']);
    assert.deepEqual(look(directory, six.toUpperCase(), 'PTR'), ['NOERROR', 'web.n']);
    assert.deepEqual(look(directory, '30.2.1.10.in-addr.arpa', 'A'), ['NOERROR']);
  });

  it('of free addresses in our subnets do not exist, in others they are for others', () => {
    const directory = directoryOf(['10.1.2.0/24', '10.1.4.0/22', '172.16.0.16/28', 'fd00:1:0:ff80::/57']);
    const ours = ['1.2.1.10', '255.2.1.10', '9.7.1.10', '16.0.16.172', '31.0.16.172', 'x.1.2.1.10', '_dns-sd._udp.2.1.10', '0/25.2.1.10', '256.2.1.10', '01.2.1.10'];
    for (const name of ours) assert.deepEqual(look(directory, `${name}.in-addr.arpa`, 'PTR'), ['NXDOMAIN'], name);
    const foreign = ['1.3.1.10', '9.8.1.10', '15.0.16.172', '32.0.16.172', '8.8.8.8', '1.10', '10', 'x.1.10', '300.1.10', '02.1.10'];
    for (const name of foreign) assert.equal(look(directory, `${name}.in-addr.arpa`, 'PTR'), 'forward', name);
    assert.equal(look(directory, 'in-addr.arpa', 'NS'), 'forward');
    assert.equal(look(directory, 'arpa', 'NS'), 'forward');
    assert.deepEqual(look(directory, reverseName(parseAddress('fd00:1:0:ff80::1')), 'PTR'), ['NXDOMAIN']);
    assert.equal(look(directory, reverseName(parseAddress('fd00:1:0:ff7f::1')), 'PTR'), 'forward');
  });

  it('names on the way to an address exist (RFC 8020)', () => {
    const directory = directoryOf(['10.1.0.0/16', 'fd00:1::/32']);
    for (const name of ['1.10.in-addr.arpa', '5.1.10.in-addr.arpa', '1.0.0.0.0.0.d.f.ip6.arpa', '7.1.0.0.0.0.0.d.f.ip6.arpa']) {
      assert.deepEqual(look(directory, name, 'PTR'), ['NOERROR'], name);
    }
    assert.equal(look(directory, '0.0.0.0.0.d.f.ip6.arpa', 'PTR'), 'forward');
  });

  it('of this machine or link alone are never asked for outside', () => {
    const directory = directoryOf([]);
    for (const address of ['127.0.0.2', '0.0.0.0', '169.254.1.1', '255.255.255.255', '::', 'fe80::1', 'febf::1']) {
      assert.deepEqual(look(directory, reverseName(parseAddress(address)), 'PTR'), ['NXDOMAIN'], address);
    }
    for (const address of ['128.0.0.1', '169.253.1.1', '::2', 'fec0::1', '192.168.0.1', 'fd00::1']) {
      assert.equal(look(directory, reverseName(parseAddress(address)), 'PTR'), 'forward', address);
    }
  });

  it('any address finds its way back', () => {
    const address = fc.oneof(
      fc.bigInt({ min: 1n << 24n, max: (126n << 24n) }).map((value) => formatAddress({ family: 4, value })),
      fc.bigInt({ min: 0x2000n << 112n, max: 0xfdffn << 112n }).map((value) => formatAddress({ family: 6, value })),
    );
    fc.assert(
      fc.property(address, (text) => {
        assert.deepEqual(look(directoryOf([], [text]), reverseName(parseAddress(text)), 'PTR'), ['NOERROR', 'web.n']);
      }),
      { numRuns: 200 },
    );
  });
});
