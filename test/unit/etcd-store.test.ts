import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { NetworkError } from '../../src/common/error.ts';
import { Backoff } from '../../src/store/etcd/backoff.ts';
import { systemClock, type Clock } from '../../src/store/etcd/clock.ts';
import { ClockSkew } from '../../src/store/etcd/clock-skew.ts';
import { EventBatches } from '../../src/store/etcd/event-batches.ts';
import { Health } from '../../src/store/etcd/health.ts';
import { base64, KeySpace } from '../../src/store/etcd/key-space.ts';
import { Pulse } from '../../src/store/etcd/pulse.ts';
import { Turns } from '../../src/store/etcd/turns.ts';
import { refuses } from '../support/refusal.ts';

/** A clock that the test turns. */
class TestClock implements Clock {
  #now = 0;
  readonly #waiting = new Set<{ readonly due: number; readonly call: () => void }>();

  get pending(): number {
    return this.#waiting.size;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now;
  }

  after(ms: number, call: () => void): Disposable {
    const timer = { due: this.#now + ms, call };
    this.#waiting.add(timer);
    return { [Symbol.dispose]: () => void this.#waiting.delete(timer) };
  }

  /** Lets so many ms pass, and whatever they bring. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const [first] = [...this.#waiting].filter(({ due }) => due <= end).toSorted((a, b) => a.due - b.due);
      if (first === undefined) break;
      this.#waiting.delete(first);
      this.#now = first.due;
      first.call();
      await turn();
    }
    this.#now = end;
  }
}

const KEYS = new KeySpace('netctl/');

function event(key: string, revision: number, value?: unknown): object {
  const kv = { key: KEYS.encode(key), mod_revision: String(revision) };
  return value === undefined ? { type: 'DELETE', kv } : { kv: { ...kv, value: base64(JSON.stringify(value)) } };
}

/** `revision: key key` of each batch that an answer completes. */
function add(batches: EventBatches, answer: object): string[] {
  return batches.add(answer).map(({ revision, events }) => `${revision}: ${events.map(({ key }) => key).join(' ')}`.trim());
}

describe('what a watch of etcd says', () => {
  it('is put together to whole commits, also when one comes in several answers', () => {
    const batches = new EventBatches(KEYS, 4);
    assert.deepEqual(add(batches, { created: true, header: { revision: '9' } }), []);
    assert.deepEqual(add(batches, { fragment: true, events: [event('a', 5, 1), event('a', 6, 2)] }), ['5: a']);
    assert.deepEqual(add(batches, { fragment: true, events: [event('b', 6)] }), []);
    assert.equal(batches.revision, 5);
    assert.deepEqual(add(batches, { events: [event('c', 6, 3), event('a', 8, 4)] }), ['6: a b c', '8: a']);
    assert.equal(batches.revision, 8);
  });

  it('begins anew with the commit that a connection broke off in', () => {
    const batches = new EventBatches(KEYS, 4);
    add(batches, { fragment: true, events: [event('a', 5, 1), event('a', 6, 1), event('b', 6, 2)] });
    batches.restart();
    assert.equal(batches.revision, 5);
    assert.deepEqual(add(batches, { events: [event('a', 6, 1), event('b', 6, 2), event('c', 6, 3)] }), ['6: a b c']);
  });

  it('is shown once, and never backwards', () => {
    const batches = new EventBatches(KEYS, 4);
    assert.deepEqual(add(batches, { events: [event('a', 3, 1), event('a', 4, 1), event('a', 5, 1)] }), ['5: a']);
    assert.deepEqual(add(batches, { events: [event('a', 5, 1)] }), []);
  });

  it('also tells how far it has come without a change', () => {
    const batches = new EventBatches(KEYS, 4);
    assert.deepEqual(add(batches, { header: { revision: '7' } }), ['7:']);
    assert.deepEqual(add(batches, { header: { revision: '7' } }), []);
    assert.deepEqual(add(batches, { header: { revision: '6' } }), []);
    assert.equal(batches.revision, 7);
  });

  it('names a key that somebody else has written', () => {
    const foreign = { kv: { key: KEYS.encode('a'), mod_revision: '5', value: base64('no JSON') } };
    refuses(() => new EventBatches(KEYS, 4).add({ events: [foreign] }), 'CORRUPT', /store key 'a' .*no JSON/);
  });
});

describe('Pulse', () => {
  it('does not ask all the time servers that refuse its login', async () => {
    const clock = new TestClock();
    let asked = 0;
    using _pulse = new Pulse(new Health(clock), clock, () => 0.5, async () => {
      asked += 1;
      throw new NetworkError('FORBIDDEN', 'etcd does not know the user with this password');
    });
    await clock.pass(60_000);
    assert.ok(asked >= 6 && asked <= 12, String(asked));
  });

  it('asks servers of which nothing was heard, and no others', async () => {
    const clock = new TestClock();
    const health = new Health(clock);
    let asked = 0;
    const pulse = new Pulse(health, clock, () => 0.5, async () => {
      asked += 1;
      health.answered();
    });
    await clock.pass(4900);
    health.answered();
    await clock.pass(4900);
    assert.equal(asked, 0);
    await clock.pass(200);
    assert.equal(asked, 1);
    await clock.pass(10_000);
    assert.equal(asked, 3);
    pulse[Symbol.dispose]();
    assert.equal(clock.pending, 0);
  });

  it('tries servers that are away less and less often, and says when they are back', async () => {
    const clock = new TestClock();
    const health = new Health(clock);
    const heard: boolean[] = [];
    using listening = health.on(({ isReachable }) => heard.push(isReachable));
    let isAway = true;
    const asked: number[] = [];
    const pulse = new Pulse(health, clock, () => 1 - Number.EPSILON, async () => {
      asked.push(Math.round(clock.now()));
      if (!isAway) return health.answered();
      const error = new NetworkError('UNAVAILABLE', 'away');
      health.lost(error);
      throw error;
    });
    await clock.pass(15_000);
    assert.deepEqual(asked, [5000, 5200, 5600, 6400, 8000, 11_000, 14_000], String(listening));
    assert.deepEqual(heard, [false]);
    assert.equal(health.now.reason?.message, 'away');
    isAway = false;
    await clock.pass(2000);
    assert.deepEqual(heard, [false, true]);
    assert.equal(health.now.reason, undefined);
    pulse[Symbol.dispose]();
    assert.equal(clock.pending, 0);
  });
});

describe('ClockSkew', () => {
  /** Asks at a time of ours and hears a Date header, at an answer's time. */
  function skews(): { readonly skew: ClockSkew; readonly heard: (number | undefined)[]; tell(asked: number, answered: number, date: string, server?: string): number | undefined } {
    let now = 0;
    const skew = new ClockSkew({ ...systemClock, wall: () => now });
    const heard: (number | undefined)[] = [];
    skew.on((one) => heard.push(one?.ahead));
    return {
      skew,
      heard,
      tell: (asked, answered, date, server = 'a') => {
        now = asked;
        const answer = skew.ask();
        now = answered;
        answer(server, date);
        return skew.now?.ahead;
      },
    };
  }
  const AT = Date.UTC(2026, 0, 1, 12);
  const date = (seconds: number): string => new Date(AT + seconds * 1000).toUTCString();

  it('sees clocks that are seconds apart, either way, and nothing in an answer that took long', () => {
    const { tell } = skews();
    assert.equal(tell(AT, AT + 20, date(42)), 41_980);
    assert.equal(tell(AT, AT + 20, date(0)), undefined);
    assert.equal(tell(AT, AT + 20, date(-43)), -42_000);
    assert.equal(tell(AT, AT + 60_000, date(30)), undefined);
    assert.equal(tell(AT, AT + 20, date(4)), undefined);
    assert.equal(tell(AT, AT + 20, 'soon'), undefined);
  });

  it('says so once, again when it has become another, and when it is over', () => {
    const { tell, heard } = skews();
    for (const seconds of [42, 43, 41, 4, 42, 90, 2, 42, 0, 0]) tell(AT, AT, date(seconds));
    assert.deepEqual(heard, [42_000, 4_000, 42_000, 90_000, undefined, 42_000, undefined]);
    tell(AT, AT, date(42), 'a');
    tell(AT, AT, date(42), 'b');
    assert.equal(heard.length, 9);
  });
});

describe('Backoff', () => {
  it('waits twice as long each time up to a limit, from half to all of it by chance', () => {
    for (const [random, expected] of [[0, [50, 100, 150, 150]], [0.5, [75, 150, 225, 225]]] as const) {
      const backoff = new Backoff(100, 300, () => random);
      assert.deepEqual(expected.map(() => backoff.next()), expected);
      backoff.reset();
      assert.equal(backoff.next(), expected[0]);
    }
  });
});

describe('Turns', () => {
  it('keeps tasks with a key in common in order, and lets others overtake', async () => {
    const turns = new Turns();
    const log: string[] = [];
    const gates = new Map(['a', 'b', 'ab', 'c'].map((name) => [name, Promise.withResolvers<void>()]));
    const task = (name: string, keys: readonly string[]): Promise<void> =>
      turns.run(keys, async () => {
        log.push(`${name} begins`);
        await gates.get(name)?.promise;
        log.push(`${name} ends`);
        if (name === 'b') throw new Error('b failed');
      });
    const all = [task('a', ['x']), task('b', ['y']), task('ab', ['x', 'y']), task('c', ['z'])].map((running) => running.catch(() => {}));
    await turn();
    gates.get('c')?.resolve();
    gates.get('b')?.resolve();
    await turn();
    assert.deepEqual(log.toSorted(), ['a begins', 'b begins', 'b ends', 'c begins', 'c ends']);
    gates.get('a')?.resolve();
    gates.get('ab')?.resolve();
    await Promise.all(all);
    assert.deepEqual(log.slice(-3), ['a ends', 'ab begins', 'ab ends']);
  });
});
