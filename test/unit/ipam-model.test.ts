import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { parseCidr } from '../../src/common/cidr.ts';
import type { Cidr } from '../../src/common/cidr.ts';
import { NetworkError } from '../../src/common/error.ts';
import { Pool } from '../../src/ipam/pool.ts';

const QUARANTINE = 30;
const ERRORS = { INVALID: 'INVALID', EXISTS: 'EXISTS', EXHAUSTED: 'EXHAUSTED' } as const;

/** The rules of a pool, said as plainly as possible: it looks at every address each time. */
class Oracle {
  readonly usable: bigint[];
  readonly range: bigint[];
  readonly owners = new Map<bigint, string>();
  /** In the order of release. */
  freed: { value: bigint; at: number }[] = [];
  now = 0;

  constructor(usable: readonly bigint[], range: readonly bigint[]) {
    this.usable = [...usable];
    this.range = usable.filter((value) => range.includes(value));
  }

  any(owner: string): bigint | string {
    const resting = this.freed.filter(({ at }) => at + QUARANTINE > this.now).map(({ value }) => value);
    const free = this.range.find((value) => !this.owners.has(value) && !resting.includes(value));
    const value = free ?? resting[0];
    return value === undefined ? ERRORS.EXHAUSTED : this.#give(value, owner);
  }

  named(value: bigint, owner: string): bigint | string {
    if (!this.usable.includes(value)) return ERRORS.INVALID;
    return this.owners.has(value) ? ERRORS.EXISTS : this.#give(value, owner);
  }

  release(value: bigint): boolean {
    const had = this.owners.delete(value);
    if (had && this.range.includes(value)) this.freed.push({ value, at: this.now });
    return had;
  }

  #give(value: bigint, owner: string): bigint {
    this.owners.set(value, owner);
    this.freed = this.freed.filter((one) => one.value !== value);
    return value;
  }
}

interface Real {
  readonly pool: Pool;
  readonly clock: { now: number };
}

function answer(act: () => bigint): bigint | string {
  try {
    return act();
  } catch (error) {
    assert.ok(error instanceof NetworkError, String(error));
    return error.code;
  }
}

/** The oracle and the pool must agree on the answer and on what is left. */
function step(name: string, run: (model: Oracle, real: Real) => void): fc.Command<Oracle, Real> {
  return {
    check: () => true,
    run: (model, real) => {
      run(model, real);
      const { family } = real.pool.subnet;
      for (const value of model.usable) assert.equal(real.pool.ownerOf({ family, value }), model.owners.get(value));
      const size = BigInt(model.usable.length);
      const used = BigInt(model.owners.size);
      const automatic = BigInt(model.range.filter((value) => !model.owners.has(value)).length);
      assert.deepEqual(real.pool.counts, { size, used, free: size - used, automatic });
    },
    toString: () => name,
  };
}

function commandsFor(subnet: Cidr, span: bigint): fc.Arbitrary<Iterable<fc.Command<Oracle, Real>>> {
  const { family, base } = subnet;
  const value = fc.bigInt(base - 1n, base + span);
  return fc.commands(
    [
      fc.constant(step('any', (model, { pool }) => {
        assert.equal(answer(() => pool.requestAddress({ owner: 'any' }).value), model.any('any'));
      })),
      value.map((one) => step(`named ${one}`, (model, { pool }) => {
        assert.equal(answer(() => pool.requestAddress({ address: { family, value: one }, owner: `named ${one}` }).value), model.named(one, `named ${one}`));
      })),
      value.map((one) => step(`release ${one}`, (model, { pool }) => {
        assert.equal(pool.releaseAddress({ family, value: one }), model.release(one));
      })),
      fc.integer({ min: 1, max: 20 }).map((ms) => step(`wait ${ms}`, (model, { clock }) => {
        clock.now += ms;
        model.now += ms;
      })),
    ],
    { maxCommands: 120, size: 'max' },
  );
}

/** subnet, range, and the offsets of the assignable addresses and of the range. */
const CASES = [
  ['10.0.0.0/28', undefined, [1, 14], [0, 15]],
  ['10.0.0.0/28', '10.0.0.8/29', [1, 14], [8, 15]],
  ['10.0.0.0/28', '10.0.0.0/30', [1, 14], [0, 3]],
  ['10.0.0.0/31', undefined, [0, 1], [0, 1]],
  ['10.0.0.7/32', undefined, [0, 0], [0, 0]],
  ['fd00::/124', undefined, [1, 15], [0, 15]],
  ['fd00::/124', 'fd00::c/126', [1, 15], [12, 15]],
  ['fd00::2/127', undefined, [0, 1], [0, 1]],
] as const;

describe('Pool against an oracle', () => {
  for (const [subnet, range, usable, chosen] of CASES) {
    it(`agrees on ${subnet}${range === undefined ? '' : ` with range ${range}`}`, () => {
      const block = parseCidr(subnet);
      const span = ([from, to]: readonly [number, number]): bigint[] => Array.from({ length: to - from + 1 }, (_, at) => block.base + BigInt(from + at));
      fc.assert(
        fc.property(commandsFor(block, 16n), (commands) => {
          fc.modelRun(() => {
            const clock = { now: 0 };
            const spec = { subnet: block, owner: 'web', ...(range === undefined ? {} : { range: parseCidr(range) }) };
            const pool = new Pool(spec, { now: () => clock.now, quarantine: QUARANTINE });
            return { model: new Oracle(span(usable), span(chosen)), real: { pool, clock } };
          }, commands);
        }),
        { numRuns: 100 },
      );
    });
  }
});
