import assert from 'node:assert/strict';
import { Directory } from '../../src/dns/directory.ts';
import { ask, asker, directoryOf, endpoint, look, network, put, question, short, WEB } from '../support/dns-questions.ts';

describe('names of a network', () => {
  it('lead to addresses, by each name and as name.network', () => {
    const directory = directoryOf();
    for (const name of [...WEB.names, ...WEB.names.map((each) => `${each}.front`)]) {
      assert.deepEqual(look(directory, name, 'A'), ['NOERROR', '10.1.0.2'], name);
      assert.deepEqual(look(directory, name, 'AAAA'), ['NOERROR', 'fd00:1::2'], name);
    }
  });

  it('answer as a server must that knows it for certain', () => {
    const answer = ask(directoryOf(), 'web', 'A', { id: 0xbeef });
    assert.equal(answer.id, 0xbeef);
    assert.deepEqual(
      [answer.type, answer.flag_aa, answer.flag_tc, answer.flag_rd, answer.flag_ra, answer.flag_z, answer.flag_ad, answer.flag_cd],
      ['response', true, false, true, true, false, false, false],
    );
    assert.deepEqual(answer.questions, [{ name: 'web', type: 'A', class: 'IN' }]);
    assert.deepEqual(answer.answers, [{ name: 'web', type: 'A', class: 'IN', ttl: 0, flush: false, data: '10.1.0.2' }]);
    assert.deepEqual([answer.authorities, answer.additionals], [[], []]);
  });

  it('repeat RD and CD as they were asked', () => {
    const answer = ask(directoryOf(), 'web', 'A', { flags: 0x0010 });
    assert.deepEqual([answer.flag_rd, answer.flag_cd, answer.flag_ad], [false, true, false]);
  });

  it('are found whatever their case, which comes back as it was asked', () => {
    const directory = directoryOf({}, endpoint('e-api', ['API.Example'], ['10.1.0.9']));
    for (const name of ['wEb', 'WEB.fRONT', 'api.EXAMPLE', 'Api.Example.FRONT']) {
      const answer = ask(directory, name, 'A');
      assert.equal(answer.answers?.length, 1, name);
      assert.deepEqual([answer.questions?.[0]?.name, answer.answers?.[0]?.name], [name, name]);
    }
  });

  it('a known name without such records is answered with none, and never asked for outside', () => {
    const directory = directoryOf();
    assert.deepEqual(look(directory, 'db', 'AAAA'), ['NOERROR']);
    assert.deepEqual(look(directory, 'db.front', 'AAAA'), ['NOERROR']);
    for (const type of ['MX', 'TXT', 'SOA', 'NS', 'CNAME', 'UNKNOWN_65', 'PTR', 'SRV', 'DS'] as const) assert.deepEqual(look(directory, 'web', type), ['NOERROR'], type);
  });

  it('ANY gets one set of records', () => {
    const directory = directoryOf({}, endpoint('e-six', ['six'], ['fd00:1::6']));
    assert.deepEqual(look(directory, 'web', 'ANY'), ['NOERROR', '10.1.0.2']);
    assert.deepEqual(look(directory, 'six', 'ANY'), ['NOERROR', 'fd00:1::6']);
    assert.deepEqual(look(directory, '2.0.1.10.in-addr.arpa', 'ANY'), ['NOERROR', 'web.front']);
  });

  it('others are for others to answer', () => {
    const directory = directoryOf();
    for (const name of ['nobody', 'sub.web', 'web.back', 'nobody.front', 'front', 'xweb', 'we', 'example.com', '.']) assert.equal(look(directory, name, 'A'), 'forward', name);
  });

  it('may have dots, as networks may: every split is tried', () => {
    const directory = new Directory();
    directory.setNetwork(network('c', [endpoint('1', ['a.b'], ['10.0.0.1'])]));
    directory.setNetwork(network('b.c', [endpoint('2', ['a'], ['10.0.0.2']), endpoint('3', ['x'], ['10.0.0.3'])]));
    directory.setNetwork(network('plain', [endpoint('4', ['x.b.c'], ['10.0.0.4'])]));
    directory.setAsker(asker(['c', 'b.c', 'plain']));
    assert.deepEqual(look(directory, 'a.b.c', 'A'), ['NOERROR', '10.0.0.1'], 'a.b in c before a in b.c');
    assert.deepEqual(look(directory, 'x.b.c', 'A'), ['NOERROR', '10.0.0.4'], 'a whole name before any split');
    assert.deepEqual(look(directory, 'a.b.c.c', 'A'), 'forward');
    directory.removeNetwork('plain');
    assert.deepEqual(look(directory, 'x.b.c', 'A'), ['NOERROR', '10.0.0.3']);
  });

  it('a label with bytes that look like other labels is not those labels', () => {
    const directory = directoryOf();
    const query = question('aaaaaaaaaa', 'A');
    query.set(Buffer.from('\x03web\x05front', 'latin1'), 13);
    assert.equal(put(directory, query), 'forward');
    const loopback = question('aaaaaaaaaa', 'A');
    loopback.set(Buffer.from('\x09localhost', 'latin1'), 13);
    assert.equal(put(directory, loopback), 'forward');
  });

  it('that no message can carry are left out, the others stay', () => {
    const long = 'x'.repeat(64);
    const directory = directoryOf({}, endpoint('e-odd', [long, 'a..b', '', 'späß', 'odd', 'dotted.'], ['10.1.0.8']));
    assert.deepEqual(look(directory, 'odd', 'A'), ['NOERROR', '10.1.0.8']);
    assert.deepEqual(look(directory, 'dotted', 'A'), ['NOERROR', '10.1.0.8']);
    assert.deepEqual(look(directory, '8.0.1.10.in-addr.arpa', 'PTR'), ['NOERROR', 'odd.front']);
  });

  it('of 255 bytes in 127 labels are found', () => {
    const name = Array.from({ length: 127 }, () => 'a').join('.');
    const directory = directoryOf({}, endpoint('e-long', [name], ['10.1.0.8']));
    assert.deepEqual(look(directory, name, 'A'), ['NOERROR', '10.1.0.8']);
    assert.deepEqual(look(directory, '8.0.1.10.in-addr.arpa', 'PTR'), ['NOERROR', name], 'name.network would be too long');
  });
});

describe('several endpoints of one name', () => {
  const members = Array.from({ length: 6 }, (_, index) => endpoint(`e${index}`, ['svc'], [`10.2.0.${index}`, `fd00:2::${index + 1}`]));

  /** A service of six on the network `n`; its choice among `left` is what `choose` says. */
  function serviceOf(random: () => number): Directory {
    const directory = new Directory(random);
    directory.setNetwork(network('n', members));
    directory.setAsker(asker(['n']));
    return directory;
  }

  it('all come, in an order that chance gives', () => {
    let seed = 1;
    const random = (): number => (seed = (seed * 16_807) % 0x7fff_ffff) / 0x7fff_ffff;
    const directory = serviceOf(random);
    const first = new Map<unknown, number>();
    for (let round = 0; round < 3000; round++) {
      const addresses = (ask(directory, 'svc', 'A').answers ?? []).map((answer) => 'data' in answer && answer.data);
      if (round < 10) assert.deepEqual(addresses.toSorted(), members.map(({ addresses: [v4] }) => v4));
      first.set(addresses[0], (first.get(addresses[0]) ?? 0) + 1);
    }
    for (const [address, times] of first) assert.ok(times > 400 && times < 600, `${String(address)} came first ${times} times of 3000`);
  });

  it('come and go one by one', () => {
    const directory = serviceOf(Math.random);
    for (const [index, { id }] of members.entries()) {
      directory.removeEndpoint('n', id);
      const rest = members.slice(index + 1).map(({ addresses: [v4] }) => v4);
      assert.deepEqual(look(directory, 'svc', 'A'), rest.length === 0 ? 'forward' : ['NOERROR', ...rest]);
    }
    directory.setEndpoint('n', endpoint('e9', ['svc'], ['10.2.0.9']));
    assert.deepEqual(look(directory, 'svc', 'A'), ['NOERROR', '10.2.0.9']);
    assert.deepEqual(look(directory, 'svc', 'AAAA'), ['NOERROR']);
  });

  it('more than fit are cut, not always the same ones, and TCP gets all', () => {
    const directory = new Directory();
    directory.setNetwork(network('n', Array.from({ length: 300 }, (_, index) => endpoint(`e${index}`, ['svc'], [`10.2.${index >> 8}.${index & 255}`]))));
    directory.setAsker(asker(['n']));
    const plain = ask(directory, 'svc', 'A');
    assert.deepEqual([plain.flag_tc, plain.answers?.length], [true, Math.floor((512 - 12 - 9) / 16)]);
    const seen = new Set(Array.from({ length: 100 }, () => short(ask(directory, 'svc', 'A')).slice(1)).flat());
    assert.equal(seen.size, 300);
    const all = ask(directory, 'svc', 'A', { limit: 0xffff });
    assert.deepEqual([all.flag_tc, new Set(short(all).slice(1)).size], [false, 300]);
  });

  it('more than anybody can use: a thousand, and that there are more', () => {
    const directory = new Directory();
    directory.setNetwork(network('n', Array.from({ length: 5000 }, (_, index) => endpoint(`e${index}`, ['svc'], [`10.2.${index >> 8}.${index & 255}`]))));
    directory.setAsker(asker(['n']));
    const answer = ask(directory, 'svc', 'A', { limit: 0xffff });
    assert.deepEqual([answer.flag_tc, answer.answers?.length], [true, 1022]);
  });
});
