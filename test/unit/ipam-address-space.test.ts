import assert from 'node:assert/strict';
import { parseAddress } from '../../src/common/address.ts';
import { formatCidr, parseCidr } from '../../src/common/cidr.ts';
import type { Cidr } from '../../src/common/cidr.ts';
import { AddressSpace } from '../../src/ipam/address-space.ts';
import type { PoolGrant, PoolRequest } from '../../src/ipam/address-space.ts';
import { defaultPools } from '../../src/ipam/default-pools.ts';
import { refuses } from '../support/refusal.ts';

type Wish = Omit<Partial<PoolRequest>, 'subnet' | 'range' | 'avoid' | 'adopt'> & {
  readonly subnet?: string;
  readonly range?: string;
  readonly onLink?: readonly string[];
  readonly wider?: readonly string[];
  readonly adopt?: readonly string[];
};

function blocks(texts: readonly string[] = []): Cidr[] {
  return texts.map((text) => parseCidr(text));
}

/** A space with Docker's pools, and requests in text. */
function spaceOf(): { space: AddressSpace; grant(wish?: Wish): PoolGrant; subnet(wish?: Wish): string } {
  const space = new AddressSpace(defaultPools('host'));
  const grant = ({ subnet, range, onLink, wider, adopt, family = 4, owner = 'network x' }: Wish = {}): PoolGrant =>
    space.requestPool({
      family,
      owner,
      avoid: { onLink: blocks(onLink), wider: blocks(wider) },
      adopt: blocks(adopt),
      ...(subnet === undefined ? {} : { subnet: parseCidr(subnet) }),
      ...(range === undefined ? {} : { range: parseCidr(range) }),
    });
  return { space, grant, subnet: (wish) => formatCidr(grant(wish).pool.subnet) };
}

/** All 31 of Docker's networks, in its order. */
const DOCKERS = [
  ...Array.from({ length: 15 }, (_, at) => `172.${17 + at}.0.0/16`),
  ...Array.from({ length: 16 }, (_, at) => `192.168.${16 * at}.0/20`),
];

describe('AddressSpace', () => {
  it('gives the 31 default networks of Docker in its order, then says what to do', () => {
    const { subnet } = spaceOf();
    assert.deepEqual(DOCKERS.map(() => subnet()), DOCKERS);
    refuses(() => subnet(), 'EXHAUSTED', /no free IPv4 subnet.*--subnet 10\.100\.0\.0\/24/);
  });

  it('gives IPv6 a unique local /48 of the host, as /64', () => {
    const { subnet } = spaceOf();
    const [first = '', second = ''] = [subnet({ family: 6 }), subnet({ family: 6 })];
    assert.match(first, /^fd[0-9a-f]{2}:[0-9a-f]{1,4}:[0-9a-f]{1,4}::\/64$/);
    assert.equal(second, first.replace('::/64', ':1::/64'));
    const other = new AddressSpace(defaultPools('another host')).requestPool({ family: 6, owner: 'x' });
    assert.notEqual(formatCidr(other.pool.subnet), first);
  });

  it('skips what pools and on-link routes take, also in part', () => {
    const { subnet } = spaceOf();
    assert.equal(subnet({ onLink: ['172.17.0.0/16', '172.18.5.0/24', '172.19.0.1/32'] }), '172.20.0.0/16');
    assert.equal(subnet({ onLink: ['172.16.0.0/12', '10.0.0.0/8'] }), '192.168.0.0/20');
  });

  it('stays clear of wider routes while it can, and warns when it cannot', () => {
    const { subnet, grant } = spaceOf();
    assert.equal(subnet({ wider: ['172.16.0.0/12'] }), '192.168.0.0/20');
    const { pool, warnings } = grant({ wider: ['172.16.0.0/12', '192.168.0.0/16'] });
    assert.equal(formatCidr(pool.subnet), '172.17.0.0/16');
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /172\.17\.0\.0\/16 overlaps the host's route to 172\.16\.0\.0\/12/);
  });

  it('does not count default routes, halved ones, and the link-local subnet of each link', () => {
    const { grant } = spaceOf();
    const routes = ['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '::/0', '::/1', '8000::/1'];
    const { pool, warnings } = grant({ onLink: routes, wider: routes });
    assert.equal(formatCidr(pool.subnet), '172.17.0.0/16');
    assert.deepEqual(warnings, []);
    assert.deepEqual(grant({ family: 6, subnet: 'fe80::/64', onLink: ['fe80::/64', '::/0'] }).warnings, []);
  });

  it('takes a subnet that somebody names', () => {
    const { grant, space } = spaceOf();
    const { pool } = grant({ subnet: '10.1.0.0/16', range: '10.1.2.0/24' });
    assert.equal(formatCidr(pool.subnet), '10.1.0.0/16');
    assert.equal(pool.requestAddress({ owner: 'x' }).value, parseAddress('10.1.2.0').value);
    assert.equal(space.pool(parseCidr('10.1.0.0/16')), pool);
    assert.equal(space.poolOf(parseAddress('10.1.255.255')), pool);
    assert.equal(space.poolOf(parseAddress('10.2.0.0')), undefined);
  });

  it('refuses overlap with another pool, naming it and its owner, whichever is larger', () => {
    const { grant } = spaceOf();
    grant({ subnet: '10.1.0.0/16', owner: 'network web' });
    for (const subnet of ['10.1.0.0/16', '10.0.0.0/8', '10.1.128.0/24', '10.1.0.1/32']) {
      refuses(() => grant({ subnet }), 'IN_USE', /overlaps 10\.1\.0\.0\/16 of network web/);
      refuses(() => grant({ subnet, range: subnet }), 'IN_USE');
    }
    assert.doesNotThrow(() => grant({ subnet: '10.2.0.0/16' }));
  });

  it('refuses overlap with an on-link route, naming it, but only warns of a wider one', () => {
    const { grant } = spaceOf();
    refuses(() => grant({ subnet: '10.0.0.0/24', onLink: ['10.0.0.128/25'] }), 'FORBIDDEN', /10\.0\.0\.0\/24 overlaps 10\.0\.0\.128\/25, which this host reaches directly/);
    refuses(() => grant({ subnet: '10.0.0.0/24', onLink: ['10.0.0.0/8'] }), 'FORBIDDEN');
    const { warnings } = grant({ subnet: '10.0.0.0/24', wider: ['10.0.0.0/8', '10.0.0.64/26', '10.0.1.0/24'] });
    assert.equal(warnings.length, 2);
    assert.match(warnings[0] ?? '', /10\.0\.0\.0\/24 will be reached on this network/);
    assert.match(warnings[1] ?? '', /10\.0\.0\.64\/26 will be reached by that route/);
  });

  it('takes the subnet of an adopted bridge, but not those of others', () => {
    const { subnet, grant } = spaceOf();
    assert.equal(subnet({ subnet: '192.168.1.0/24', onLink: ['192.168.1.0/24', '10.0.0.0/8'], adopt: ['192.168.1.0/24'] }), '192.168.1.0/24');
    refuses(() => grant({ subnet: '10.0.0.0/24', onLink: ['192.168.1.0/24', '10.0.0.0/24'], adopt: ['192.168.1.0/24'] }), 'FORBIDDEN');
  });

  it('takes a known network back without looking at routes, which are its own by then', () => {
    const { space } = spaceOf();
    const { pool, warnings } = space.requestPool({ family: 4, owner: 'network web', subnet: parseCidr('172.17.0.0/16') });
    assert.equal(formatCidr(pool.subnet), '172.17.0.0/16');
    assert.deepEqual(warnings, []);
  });

  it('picks a free subnet of the size asked for', () => {
    const { subnet, grant } = spaceOf();
    assert.equal(subnet({ subnet: '0.0.0.0/24' }), '172.17.0.0/24');
    assert.equal(subnet({ subnet: '0.0.0.0/24' }), '172.17.1.0/24');
    assert.equal(subnet({ subnet: '0.0.0.0/15' }), '172.20.0.0/15');
    assert.equal(subnet(), '172.18.0.0/16');
    assert.equal(subnet({ subnet: '0.0.0.0/30', onLink: ['172.17.2.0/25'] }), '172.17.2.128/30');
    assert.match(subnet({ family: 6, subnet: '::/80' }), /^fd.*::\/80$/);
    refuses(() => grant({ subnet: '0.0.0.0/8' }), 'EXHAUSTED', /no free IPv4 subnet of prefix length 8/);
    refuses(() => grant({ subnet: '0.0.0.0/0' }), 'INVALID', /prefix length 0/);
  });

  it('gives a released subnet again, and only that one', () => {
    const { space, grant, subnet } = spaceOf();
    const { pool } = grant();
    grant();
    space.releasePool(pool);
    space.releasePool(pool);
    assert.equal(subnet(), '172.17.0.0/16');
    space.releasePool(pool);
    assert.equal(subnet(), '172.19.0.0/16');
    assert.deepEqual(space.pools().map((one) => formatCidr(one.subnet)), ['172.18.0.0/16', '172.17.0.0/16', '172.19.0.0/16']);
  });

  it('refuses subnets that no network can have', () => {
    const { grant } = spaceOf();
    refuses(() => grant({ subnet: '127.0.0.0/24' }), 'INVALID', /127\.0\.0\.0\/8 is the loopback network/);
    refuses(() => grant({ subnet: '224.1.0.0/16' }), 'INVALID', /multicast/);
    refuses(() => grant({ subnet: '0.1.0.0/16' }), 'INVALID', /0\.0\.0\.0\/8/);
    refuses(() => grant({ subnet: '64.0.0.0/2' }), 'INVALID', /loopback/);
    refuses(() => grant({ family: 6, subnet: 'ff00::/16' }), 'INVALID', /multicast/);
    refuses(() => grant({ family: 6, subnet: '::1/128' }), 'INVALID', /loopback/);
    refuses(() => grant({ family: 6, subnet: '::ffff:10.0.0.0/120' }), 'INVALID', /IPv4/);
    refuses(() => grant({ family: 6, subnet: 'fe80:1::/64' }), 'INVALID', /link-local subnet is fe80::\/64/);
    refuses(() => grant({ family: 6, subnet: '10.0.0.0/24' }), 'INVALID', /not IPv6/);
  });

  it('refuses a range outside the subnet and keeps nothing then', () => {
    const { space, grant } = spaceOf();
    refuses(() => grant({ subnet: '10.1.0.0/16', range: '10.2.0.0/24' }), 'INVALID', /range 10\.2\.0\.0\/24 is not inside subnet 10\.1\.0\.0\/16/);
    refuses(() => grant({ subnet: '10.1.0.0/16', range: '10.0.0.0/8' }), 'INVALID');
    assert.deepEqual(space.pools(), []);
  });
});
