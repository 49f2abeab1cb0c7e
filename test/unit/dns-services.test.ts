import assert from 'node:assert/strict';
import { Directory } from '../../src/dns/directory.ts';
import type { Service } from '../../src/dns/names.ts';
import { ask, asker, endpoint, look, network, short } from '../support/dns-questions.ts';

const SERVICES: readonly Service[] = [
  { protocol: 'tcp', port: 80 },
  { protocol: 'tcp', port: 5432 },
  { protocol: 'udp', port: 53 },
  { protocol: 'sctp', port: 9899 },
];

function directoryOf(count = 1): Directory {
  const directory = new Directory();
  const members = Array.from({ length: count }, (_, index) =>
    endpoint(`e${index}`, [`Web${index}`, 'svc'], [`10.3.${index >> 8}.${index & 255}`, `fd00:3::${index + 1}`], { services: SERVICES }),
  );
  directory.setNetwork(network('front', [...members, endpoint('quiet', ['quiet', 'svc'], ['10.3.255.1'])], { hostAddresses: ['10.3.255.254'] }));
  directory.setAsker(asker(['front'], { aliases: [{ name: 'up', endpoint: 'e0' }] }));
  return directory;
}

describe('SRV', () => {
  it('names port and endpoint, by number or service name, whatever the case', () => {
    const directory = directoryOf();
    for (const name of ['_80._tcp.web0', '_http._tcp.web0', '_HTTP._TCP.WEB0.front', '_http._tcp.svc', '_http._tcp.up', '_http._tcp.up.front']) {
      assert.deepEqual(look(directory, name, 'SRV'), ['NOERROR', '80 Web0.front'], name);
    }
    assert.deepEqual(look(directory, '_domain._udp.web0', 'SRV'), ['NOERROR', '53 Web0.front']);
    assert.deepEqual(look(directory, '_postgresql._tcp.web0', 'SRV'), ['NOERROR', '5432 Web0.front']);
    assert.deepEqual(look(directory, '_9899._sctp.web0', 'SRV'), ['NOERROR', '9899 Web0.front']);
  });

  it('comes with the addresses of its targets', () => {
    const answer = ask(directoryOf(2), '_http._tcp.svc', 'SRV', { udpSize: 1232 });
    const addresses = (answer.additionals ?? []).flatMap((record) => (record.type === 'A' || record.type === 'AAAA' ? [`${record.name} ${record.data}`] : []));
    assert.deepEqual(addresses.toSorted(), ['Web0.front 10.3.0.0', 'Web0.front fd00:3::1', 'Web1.front 10.3.0.1', 'Web1.front fd00:3::2']);
    const [first] = answer.answers ?? [];
    assert.deepEqual(first?.type === 'SRV' && [first.data.priority, first.data.weight, first.ttl], [0, 0, 0]);
  });

  it('what a known name does not offer does not exist, and is not asked for outside', () => {
    const directory = directoryOf();
    for (const name of ['_81._tcp.web0', '_53._tcp.web0', '_http._tcp.quiet', '_nosuch._tcp.web0', '_0._tcp.web0', '_65536._tcp.web0', '_65589._tcp.web0', '_080._tcp.web0', '_http._tcp.localhost', '_http._tcp.host.netctl.internal']) {
      assert.deepEqual(look(directory, name, 'SRV'), ['NXDOMAIN'], name);
    }
    assert.deepEqual(look(directory, '_http._tcp.web0', 'A'), ['NOERROR'], 'it exists, as SRV only');
    assert.deepEqual(look(directory, '_http._tcp.web0', 'TXT'), ['NOERROR']);
  });

  it('of other names, and other shapes, is for others', () => {
    const directory = directoryOf();
    for (const name of ['_http._tcp.nobody', '_http._tcp', '_http.tcp.web0', 'http._tcp.web0', '_http._icmp.web0', '_a._http._tcp.web0', '_xmpp-client._tcp.example.com']) {
      assert.equal(look(directory, name, 'SRV'), 'forward', name);
    }
  });

  it('more targets than fit are cut; addresses that do not fit are not missed', () => {
    const directory = directoryOf(400);
    const plain = ask(directory, '_http._tcp.svc', 'SRV');
    assert.equal(plain.flag_tc, true);
    assert.ok((plain.answers?.length ?? 0) > 10);
    const all = ask(directory, '_http._tcp.svc', 'SRV', { limit: 0xffff });
    assert.deepEqual([all.flag_tc, new Set(short(all).slice(1)).size], [false, 400]);
    assert.ok((all.additionals?.length ?? 0) > 100, 'addresses as far as pointers reach');
    const few = ask(directoryOf(8), '_http._tcp.svc', 'SRV');
    assert.deepEqual([few.flag_tc, few.answers?.length], [false, 8]);
    assert.ok((few.additionals?.length ?? 0) < 16);
  });
});
