import assert from 'node:assert/strict';
import { formatAddress, parseAddress } from '../../src/common/address.ts';
import { parseCidr } from '../../src/common/cidr.ts';
import { Pool } from '../../src/ipam/pool.ts';
import { refuses } from '../support/refusal.ts';

const QUARANTINE = 30_000;

/** A pool with a clock that stands still until it is set. */
function poolOf(subnet: string, range?: string): { pool: Pool; clock: { now: number }; next(): string; take(address: string): string; free(address: string): boolean } {
  const clock = { now: 0 };
  const pool = new Pool(
    { subnet: parseCidr(subnet), owner: 'network web', ...(range === undefined ? {} : { range: parseCidr(range) }) },
    { now: () => clock.now },
  );
  return {
    pool,
    clock,
    next: () => formatAddress(pool.requestAddress({ owner: 'endpoint' })),
    take: (address) => formatAddress(pool.requestAddress({ address: parseAddress(address), owner: `owner of ${address}` })),
    free: (address) => pool.releaseAddress(parseAddress(address)),
  };
}

/** All addresses that automatic choice gives, up to a limit. */
function drain(next: () => string, limit = 300): string[] {
  const given: string[] = [];
  try {
    while (given.length < limit) given.push(next());
  } catch {
    return given;
  }
  return given;
}

/** Fails when it takes a second or more of the processor, whatever else that does meanwhile. */
function timed(act: () => void): void {
  const start = process.cpuUsage();
  act();
  const { user, system } = process.cpuUsage(start);
  const took = (user + system) / 1000;
  assert.ok(took < 1000, `${took} ms`);
}

describe('Pool', () => {
  it('gives the lowest free address, without network and broadcast address', () => {
    const { next, take } = poolOf('10.0.0.0/29');
    take('10.0.0.2');
    assert.deepEqual(drain(next), ['10.0.0.1', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
  });

  it('uses every address of /31, /32, /127 and /128', () => {
    assert.deepEqual(drain(poolOf('10.0.0.4/31').next), ['10.0.0.4', '10.0.0.5']);
    assert.deepEqual(drain(poolOf('10.0.0.4/32').next), ['10.0.0.4']);
    assert.deepEqual(drain(poolOf('fd00::4/127').next), ['fd00::4', 'fd00::5']);
    assert.deepEqual(drain(poolOf('fd00::4/128').next), ['fd00::4']);
  });

  it('keeps the subnet-router anycast address of IPv6, and has no broadcast there', () => {
    assert.deepEqual(drain(poolOf('fd00::/126').next), ['fd00::1', 'fd00::2', 'fd00::3']);
    refuses(() => poolOf('fd00::/64').take('fd00::'), 'INVALID', /fd00:: is the subnet-router anycast address/);
    assert.equal(poolOf('fd00::/64').take('fd00::ffff:ffff:ffff:ffff'), 'fd00::ffff:ffff:ffff:ffff');
  });

  it('refuses network and broadcast address by name', () => {
    refuses(() => poolOf('10.0.0.0/24').take('10.0.0.0'), 'INVALID', /network address of 10\.0\.0\.0\/24/);
    refuses(() => poolOf('10.0.0.0/24').take('10.0.0.255'), 'INVALID', /broadcast address/);
  });

  it('refuses an address outside, naming subnet and network', () => {
    refuses(() => poolOf('10.0.0.0/24').take('10.0.1.1'), 'INVALID', /10\.0\.1\.1 is not in 10\.0\.0\.0\/24, the subnet of network web/);
    refuses(() => poolOf('10.0.0.0/24').take('::a00:1'), 'INVALID', /not in/);
  });

  it('refuses a taken address and names who has it', () => {
    const { take, next, pool } = poolOf('10.0.0.0/24');
    take('10.0.0.1');
    refuses(() => take('10.0.0.1'), 'EXISTS', /10\.0\.0\.1 is taken by owner of 10\.0\.0\.1/);
    next();
    refuses(() => take('10.0.0.2'), 'EXISTS', /taken by endpoint/);
    assert.equal(pool.ownerOf(parseAddress('10.0.0.1')), 'owner of 10.0.0.1');
    assert.equal(pool.ownerOf(parseAddress('10.0.0.3')), undefined);
  });

  it('chooses from the range only, and takes any address of the subnet by name', () => {
    const { next, take } = poolOf('10.0.0.0/24', '10.0.0.128/30');
    assert.equal(take('10.0.0.5'), '10.0.0.5');
    assert.deepEqual(drain(next), ['10.0.0.128', '10.0.0.129', '10.0.0.130', '10.0.0.131']);
    refuses(() => next(), 'EXHAUSTED', /range 10\.0\.0\.128\/30 of 10\.0\.0\.0\/24.*by name/);
    assert.equal(take('10.0.0.6'), '10.0.0.6');
  });

  it('keeps network and broadcast address out of a range at the edge', () => {
    assert.deepEqual(drain(poolOf('10.0.0.0/24', '10.0.0.0/30').next), ['10.0.0.1', '10.0.0.2', '10.0.0.3']);
    assert.deepEqual(drain(poolOf('10.0.0.0/24', '10.0.0.252/30').next), ['10.0.0.252', '10.0.0.253', '10.0.0.254']);
    assert.deepEqual(drain(poolOf('10.0.0.0/24', '10.0.0.0/32').next), []);
  });

  it('does not hand a freed address to the next caller', () => {
    const { next, free, clock } = poolOf('10.0.0.0/24');
    assert.deepEqual([next(), next()], ['10.0.0.1', '10.0.0.2']);
    free('10.0.0.1');
    clock.now = QUARANTINE - 1;
    assert.equal(next(), '10.0.0.3');
    clock.now = QUARANTINE;
    assert.equal(next(), '10.0.0.1');
    assert.equal(next(), '10.0.0.4');
  });

  it('gives a freed address at once to who asks for it by name', () => {
    const { next, take, free } = poolOf('10.0.0.0/24');
    next();
    free('10.0.0.1');
    assert.equal(take('10.0.0.1'), '10.0.0.1');
    refuses(() => take('10.0.0.1'), 'EXISTS');
  });

  it('gives the address freed first when no other is left', () => {
    const { next, free, clock } = poolOf('10.0.0.0/29');
    drain(next);
    for (const address of ['10.0.0.4', '10.0.0.2', '10.0.0.6']) {
      clock.now++;
      free(address);
    }
    assert.deepEqual(drain(next), ['10.0.0.4', '10.0.0.2', '10.0.0.6']);
    refuses(() => next(), 'EXHAUSTED', /10\.0\.0\.0\/29 of network web.*disconnect something/);
  });

  it('starts the quarantine anew with each release', () => {
    const { next, take, free, clock } = poolOf('10.0.0.0/24');
    drain(next, 2);
    free('10.0.0.1');
    free('10.0.0.2');
    clock.now = 20_000;
    take('10.0.0.2');
    free('10.0.0.2');
    clock.now = QUARANTINE;
    assert.deepEqual(drain(next, 2), ['10.0.0.1', '10.0.0.3']);
    clock.now = 20_000 + QUARANTINE;
    assert.equal(next(), '10.0.0.2');
  });

  it('says whether a release freed anything', () => {
    const { free, take } = poolOf('10.0.0.0/24');
    take('10.0.0.9');
    assert.equal(free('10.0.0.9'), true);
    assert.equal(free('10.0.0.9'), false);
    assert.equal(free('10.9.9.9'), false);
    assert.equal(free('::a00:9'), false);
  });

  it('counts in numbers that no /64 overflows', () => {
    const { pool, take, next, free } = poolOf('fd00::/64', 'fd00::100/120');
    assert.deepEqual(pool.counts, { size: 2n ** 64n - 1n, used: 0n, free: 2n ** 64n - 1n, automatic: 256n });
    take('fd00::1');
    next();
    next();
    free('fd00::100');
    assert.deepEqual(pool.counts, { size: 2n ** 64n - 1n, used: 2n, free: 2n ** 64n - 3n, automatic: 255n });
    assert.deepEqual(poolOf('10.0.0.0/8').pool.counts, { size: 2n ** 24n - 2n, used: 0n, free: 2n ** 24n - 2n, automatic: 2n ** 24n - 2n });
  });

  it('writes an address as the interface carries it', () => {
    const { pool } = poolOf('10.0.0.0/20');
    assert.equal(pool.withPrefix(parseAddress('10.0.0.5')), '10.0.0.5/20');
  });

  for (const subnet of ['10.0.0.0/8', 'fd00::/64']) {
    it(`gives, frees and gives again 100,000 addresses of a ${subnet.split('/')[1]} in under a second each`, () => {
      const { pool, clock } = poolOf(subnet);
      const count = 100_000;
      const given = new Set<bigint>();
      timed(() => {
        for (let at = 0; at < count; at++) given.add(pool.requestAddress({ owner: 'endpoint' }).value);
      });
      assert.equal(given.size, count);
      // A stride of 7919 frees them scattered, and the clock lets the first ones out meanwhile.
      const values = [...given];
      timed(() => {
        for (let at = 0; at < count; at++, clock.now++) {
          pool.releaseAddress({ family: pool.subnet.family, value: values[(at * 7919) % count] ?? 0n });
        }
      });
      assert.equal(pool.counts.used, 0n);
      clock.now += QUARANTINE;
      timed(() => {
        for (let at = 0; at < count; at++) {
          assert.equal(pool.requestAddress({ owner: 'endpoint' }).value, values[at]);
        }
      });
    });
  }
});
