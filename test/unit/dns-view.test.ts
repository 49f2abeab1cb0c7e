import assert from 'node:assert/strict';
import { Directory } from '../../src/dns/directory.ts';
import { ask, asker, DB, directoryOf, endpoint, look, network, put, question, short, WEB } from '../support/dns-questions.ts';

describe('what an asker sees', () => {
  /** `web` on two networks under one name, the second in IPv6 alone. */
  function twoNetworks(): Directory {
    const directory = new Directory();
    directory.setNetwork(network('front', [endpoint('1', ['web'], ['10.1.0.2'])]));
    directory.setNetwork(network('back', [endpoint('2', ['web', 'db'], ['10.2.0.2', 'fd00:2::2'])]));
    return directory;
  }

  it('is its networks, the best first, and no other', () => {
    const directory = twoNetworks();
    directory.setAsker(asker(['front', 'back']));
    assert.deepEqual(look(directory, 'web', 'A'), ['NOERROR', '10.1.0.2']);
    assert.deepEqual(look(directory, 'web.back', 'A'), ['NOERROR', '10.2.0.2']);
    assert.deepEqual(look(directory, '2.0.2.10.in-addr.arpa', 'PTR'), ['NOERROR', 'web.back']);
    directory.setAsker(asker(['back', 'front']));
    assert.deepEqual(look(directory, 'web', 'A'), ['NOERROR', '10.2.0.2']);
    directory.setAsker(asker(['front']));
    for (const name of ['db', 'web.back', 'db.back']) assert.equal(look(directory, name, 'A'), 'forward', name);
    assert.equal(look(directory, '2.0.2.10.in-addr.arpa', 'PTR'), 'forward');
  });

  it('a family that the name lacks in one network comes from the next', () => {
    const directory = twoNetworks();
    directory.setAsker(asker(['front', 'back']));
    assert.deepEqual(look(directory, 'web', 'AAAA'), ['NOERROR', 'fd00:2::2']);
    directory.setNetwork(network('x.front', [endpoint('3', ['a'], ['10.3.0.2', 'fd00:3::2'])]));
    directory.setEndpoint('front', endpoint('4', ['a.x'], ['10.1.0.4']));
    directory.setAsker(asker(['front', 'x.front']));
    assert.deepEqual(look(directory, 'a.x.front', 'A'), ['NOERROR', '10.1.0.4']);
    assert.deepEqual(look(directory, 'a.x.front', 'AAAA'), ['NOERROR', 'fd00:3::2'], 'a in x.front');
  });

  it('does not depend on what came first, asker or network', () => {
    const directory = new Directory();
    directory.setAsker(asker(['late']));
    assert.equal(look(directory, 'web', 'A'), 'forward');
    directory.setEndpoint('late', WEB);
    assert.equal(look(directory, 'web', 'A'), 'forward');
    directory.setNetwork(network('late', []));
    directory.setEndpoint('late', WEB);
    assert.deepEqual(look(directory, 'web', 'A'), ['NOERROR', '10.1.0.2']);
    directory.removeNetwork('late');
    assert.equal(look(directory, 'web', 'A'), 'forward');
    directory.setNetwork(network('late', [DB]));
    assert.deepEqual(look(directory, 'db.late', 'A'), ['NOERROR', '10.1.0.3']);
  });

  it('follows its endpoints: other names, other addresses', () => {
    const directory = directoryOf();
    directory.setEndpoint('front', { ...WEB, names: ['shop'], addresses: ['10.1.0.7'] });
    for (const name of ['web', 'www', 'www.front']) assert.equal(look(directory, name, 'A'), 'forward', name);
    assert.deepEqual(look(directory, 'shop', 'A'), ['NOERROR', '10.1.0.7']);
    assert.deepEqual(look(directory, '7.0.1.10.in-addr.arpa', 'PTR'), ['NOERROR', 'shop.front']);
    assert.deepEqual(look(directory, '2.0.1.10.in-addr.arpa', 'PTR'), ['NXDOMAIN']);
    assert.equal(directory.askerAt('front', '10.1.0.2'), undefined);
  });

  it('removing what is not there is no error', () => {
    const directory = directoryOf();
    directory.removeEndpoint('front', 'nobody');
    directory.removeEndpoint('nowhere', 'e-web');
    directory.removeNetwork('nowhere');
    directory.removeAsker('nobody');
    assert.deepEqual(look(directory, 'web', 'A'), ['NOERROR', '10.1.0.2']);
  });

  it('somebody who is not known is refused', () => {
    const directory = directoryOf();
    directory.removeAsker('me');
    assert.deepEqual(look(directory, 'web', 'A'), ['REFUSED']);
  });

  it('changes may come as data', () => {
    const directory = new Directory();
    directory.apply({ change: 'set-asker', asker: asker(['n']) });
    directory.apply({ change: 'set-network', network: network('n', [WEB]) });
    directory.apply({ change: 'set-endpoint', network: 'n', endpoint: DB });
    assert.deepEqual(look(directory, 'db', 'A'), ['NOERROR', '10.1.0.3']);
    directory.apply({ change: 'remove-endpoint', network: 'n', endpoint: 'e-db' });
    assert.equal(look(directory, 'db', 'A'), 'forward');
    directory.apply({ change: 'remove-network', id: 'n' });
    assert.equal(look(directory, 'web', 'A'), 'forward');
    directory.apply({ change: 'remove-asker', id: 'me' });
    assert.deepEqual(look(directory, 'web', 'A'), ['REFUSED']);
  });

  it('who asks from an address of a network', () => {
    const directory = directoryOf();
    assert.equal(directory.askerAt('front', '10.1.0.2'), 's-web');
    assert.equal(directory.askerAt('front', 'fd00:1::2'), 's-web');
    for (const [id, address] of [['front', '10.1.0.3'], ['front', '10.1.0.1'], ['front', '10.1.0.99'], ['back', '10.1.0.2']] as const) assert.equal(directory.askerAt(id, address), undefined);
    directory.removeEndpoint('front', 'e-web');
    assert.equal(directory.askerAt('front', '10.1.0.2'), undefined);
  });
});

describe('names of an asker alone', () => {
  it('a link goes before other names, follows its endpoint, and is no one else’s', () => {
    const directory = directoryOf({ aliases: [{ name: 'db', endpoint: 'e-web' }, { name: 'upstream', endpoint: 'e-db' }] });
    directory.setAsker(asker(['front'], { id: 'other' }));
    assert.deepEqual(look(directory, 'db', 'A'), ['NOERROR', '10.1.0.2']);
    assert.deepEqual(look(directory, 'Upstream.front', 'A'), ['NOERROR', '10.1.0.3']);
    assert.deepEqual(look(directory, 'upstream', 'AAAA'), ['NOERROR']);
    assert.equal(put(directory, question('upstream', 'A'), 512, 'other'), 'forward');
    assert.deepEqual(short(ask(directory, 'db', 'A', { from: 'other' })), ['NOERROR', '10.1.0.3']);
    directory.setEndpoint('front', { ...WEB, addresses: ['10.1.0.44'] });
    assert.deepEqual(look(directory, 'db', 'A'), ['NOERROR', '10.1.0.44']);
    directory.removeEndpoint('front', 'e-web');
    assert.deepEqual(look(directory, 'db', 'A'), ['NOERROR', '10.1.0.3'], 'without the link’s endpoint the name is the network’s again');
  });

  it('a link goes before an extra host of that name while its endpoint is there', () => {
    const directory = directoryOf({ aliases: [{ name: 'up', endpoint: 'e-db' }], extraHosts: [{ name: 'up', address: '192.0.2.7' }] });
    assert.deepEqual(look(directory, 'up', 'A'), ['NOERROR', '10.1.0.3']);
    directory.removeEndpoint('front', 'e-db');
    assert.deepEqual(look(directory, 'up', 'A'), ['NOERROR', '192.0.2.7']);
  });

  it('a link leads only into the asker’s networks', () => {
    const directory = directoryOf({ networks: ['back'], aliases: [{ name: 'up', endpoint: 'e-web' }] });
    assert.equal(look(directory, 'up', 'A'), 'forward');
  });

  it('one alias of a neighbour on several networks takes each family where it is', () => {
    const directory = directoryOf({ networks: ['front', 'back'], aliases: [{ name: 'up', endpoint: 'e-db' }, { name: 'up', endpoint: 'e-db-back' }] });
    directory.setNetwork(network('back', [endpoint('e-db-back', ['db'], ['10.2.0.3', 'fd00:2::3'])]));
    assert.deepEqual(look(directory, 'up', 'A'), ['NOERROR', '10.1.0.3']);
    assert.deepEqual(look(directory, 'up', 'AAAA'), ['NOERROR', 'fd00:2::3']);
    assert.deepEqual(look(directory, 'up.back', 'A'), ['NOERROR', '10.2.0.3']);
  });

  it('an extra host goes before the network’s names, for every type', () => {
    const extraHosts = [{ name: 'Web', address: '192.0.2.7' }, { name: 'repo.example', address: '192.0.2.8' }, { name: 'repo.example', address: '2001:db8::8' }];
    const directory = directoryOf({ extraHosts });
    assert.deepEqual(look(directory, 'web', 'A'), ['NOERROR', '192.0.2.7']);
    assert.deepEqual(look(directory, 'web', 'AAAA'), ['NOERROR'], 'the neighbour’s would be another host');
    assert.deepEqual(look(directory, 'repo.example', 'A'), ['NOERROR', '192.0.2.8']);
    assert.deepEqual(look(directory, 'repo.example', 'AAAA'), ['NOERROR', '2001:db8::8']);
    assert.deepEqual(look(directory, '8.2.0.192.in-addr.arpa', 'PTR'), ['NOERROR', 'repo.example']);
  });
});

describe('names that mean the same everywhere', () => {
  it('host.netctl.internal is the host as seen from the best network', () => {
    const directory = directoryOf({ networks: ['closed', 'front'] });
    directory.setNetwork(network('closed', []));
    assert.deepEqual(look(directory, 'host.netctl.internal', 'A'), ['NOERROR', '10.1.0.1']);
    assert.deepEqual(look(directory, 'HOST.netctl.internal', 'AAAA'), ['NOERROR', 'fd00:1::1']);
    assert.deepEqual(look(directory, '1.0.1.10.in-addr.arpa', 'PTR'), ['NOERROR', 'host.netctl.internal']);
    directory.setAsker(asker(['closed']));
    assert.deepEqual(look(directory, 'host.netctl.internal', 'A'), ['NXDOMAIN']);
    assert.deepEqual(look(directory, 'netctl.internal', 'A'), ['NOERROR']);
    assert.deepEqual(look(directory, 'more.host.netctl.internal', 'A'), ['NXDOMAIN']);
  });

  it('localhost and all below it are this sandbox', () => {
    const directory = directoryOf();
    for (const name of ['localhost', 'LOCALHOST', 'app.localhost']) {
      assert.deepEqual(look(directory, name, 'A'), ['NOERROR', '127.0.0.1'], name);
      assert.deepEqual(look(directory, name, 'AAAA'), ['NOERROR', '::1'], name);
      assert.deepEqual(look(directory, name, 'MX'), ['NOERROR'], name);
    }
    assert.deepEqual(look(directory, '1.0.0.127.in-addr.arpa', 'PTR'), ['NOERROR', 'localhost']);
    assert.equal(look(directory, 'xlocalhost', 'A'), 'forward');
  });

  it('nobody can take them', () => {
    const thief = endpoint('e-thief', ['localhost', 'a.localhost', 'host.netctl.internal', 'thief'], ['10.1.0.66']);
    const directory = directoryOf({}, thief);
    assert.deepEqual(look(directory, 'localhost', 'A'), ['NOERROR', '127.0.0.1']);
    assert.deepEqual(look(directory, 'a.localhost', 'A'), ['NOERROR', '127.0.0.1']);
    assert.deepEqual(look(directory, 'host.netctl.internal', 'A'), ['NOERROR', '10.1.0.1']);
    assert.deepEqual(look(directory, '66.0.1.10.in-addr.arpa', 'PTR'), ['NOERROR', 'thief.front']);
  });
});

describe('names that nobody here has', () => {
  it('do not exist where there is no outside', () => {
    const directory = directoryOf({ mayUseHostServers: false });
    assert.deepEqual(look(directory, 'example.com', 'A'), ['NXDOMAIN']);
    assert.deepEqual(look(directory, '.', 'NS'), ['REFUSED']);
    assert.deepEqual(look(directory, 'web', 'A'), ['NOERROR', '10.1.0.2']);
    directory.setAsker(asker(['front'], { mayUseHostServers: false, servers: ['10.1.0.53'] }));
    assert.equal(look(directory, 'example.com', 'A'), 'forward');
  });

  it('of one label stay here when the user gave ndots', () => {
    const directory = directoryOf({ ndots: 2 });
    assert.deepEqual(look(directory, 'nobody', 'A'), ['NXDOMAIN']);
    assert.deepEqual(look(directory, 'nobody', 'AAAA'), ['NXDOMAIN']);
    assert.equal(look(directory, 'com', 'NS'), 'forward');
    assert.equal(look(directory, 'example.com', 'A'), 'forward', 'the resolver’s last try is the name as it stands');
    directory.setAsker(asker(['front'], { ndots: 0 }));
    assert.equal(look(directory, 'nobody', 'A'), 'forward');
  });
});
