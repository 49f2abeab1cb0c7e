import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Counters } from '../../src/dns/counters.ts';
import { Deadlines } from '../../src/dns/deadlines.ts';
import { MessageOutput } from '../../src/dns/message-output.ts';
import { StreamMessages } from '../../src/dns/stream-messages.ts';

const framed = (message: Uint8Array): Uint8Array => Uint8Array.from([message.length >> 8, message.length & 255, ...message]);

/** Puts a stream in, cut at the given places, and gives the messages that came out. */
function cut(stream: Uint8Array, places: readonly number[], messages = new StreamMessages(4096)): { readonly found: Uint8Array[]; readonly isGood: boolean } {
  const found: Uint8Array[] = [];
  let isGood = true;
  let from = 0;
  for (const place of [...places.map((at) => at % (stream.length + 1)).toSorted((a, b) => a - b), stream.length]) {
    const piece = stream.slice(from, place);
    isGood &&= messages.push(piece, piece.length, (bytes, start, end) => found.push(bytes.slice(start, end)));
    from = place;
  }
  return { found, isGood };
}

describe('messages in a TCP stream', () => {
  it('come out whole wherever the stream is cut', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 })), fc.array(fc.nat(5000)), (sent, places) => {
      const { found, isGood } = cut(Uint8Array.from(sent.flatMap((message) => [...framed(message)])), places);
      assert.ok(isGood);
      assert.deepEqual(found, sent);
    }));
  });

  it('that say they are empty or endless end it', () => {
    assert.deepEqual(cut(Uint8Array.from([...framed(Uint8Array.of(1)), 0, 0, 9]), [1, 2, 3, 4]), { found: [Uint8Array.of(1)], isGood: false });
    assert.equal(cut(Uint8Array.of(0x10, 0x01), []).isGood, false);
    assert.equal(cut(Uint8Array.of(0x10, 0x00), []).isGood, true);
  });

  it('are written one behind the other, the longest ones too', () => {
    const output = new MessageOutput();
    output.space.set([7, 8]);
    output.add(2);
    output.space.fill(9);
    output.add(65_535);
    assert.equal(output.isFull, true);
    const taken = output.take();
    assert.deepEqual([...taken.subarray(0, 7)], [0, 2, 7, 8, 0xff, 0xff, 9]);
    assert.equal(taken.length, 2 + 2 + 2 + 65_535);
    assert.deepEqual([output.isFull, output.take().length], [false, 0]);
  });
});

describe('deadlines', () => {
  it('are due in the order of the last touch, once', () => {
    let now = 0;
    const deadlines = new Deadlines<string>(10, () => now);
    assert.deepEqual([deadlines.first, deadlines.next], [undefined, Infinity]);
    const [a, , c] = ['a', 'b', 'c', 'd'].map((name) => {
      const deadline = deadlines.make(name);
      deadlines.touch(deadline);
      return deadline;
    });
    assert.ok(a !== undefined && c !== undefined);
    now = 5;
    deadlines.touch(a);
    deadlines.cancel(c);
    deadlines.cancel(c);
    assert.deepEqual([deadlines.first, deadlines.next], ['b', 10]);
    const ended: string[] = [];
    for (now of [9, 10, 14, 15, 99]) deadlines.expire((thing) => ended.push(`${thing}${now}`));
    assert.deepEqual(ended, ['b10', 'd10', 'a15']);
    assert.equal(deadlines.first, undefined);
  });

  it('may be touched and cancelled by what they end', () => {
    let now = 0;
    const deadlines = new Deadlines<string>(10, () => now);
    const [again, other] = [deadlines.make('again'), deadlines.make('other')];
    deadlines.touch(again);
    deadlines.touch(other);
    now = 10;
    deadlines.expire(() => {
      deadlines.touch(again);
      deadlines.cancel(other);
    });
    assert.deepEqual([deadlines.first, deadlines.next], ['again', 20]);
  });
});

describe('counters', () => {
  it('sort answers by code and origin', () => {
    const counters = new Counters();
    const header = (rcode: number): Uint8Array => Uint8Array.of(0, 0, 0x81, 0x80 | rcode, 0, 1, 0, 0, 0, 0, 0, 0);
    for (const rcode of [0, 3, 1, 5]) counters.answered('local', header(rcode));
    counters.answered('cached', header(3));
    for (const rcode of [2, 5]) counters.answered('forwarded', header(rcode));
    const { local, malformed, cached, nxdomain, servfail, refused } = counters.read();
    assert.deepEqual({ local, malformed, cached, nxdomain, servfail, refused }, { local: 2, malformed: 1, cached: 1, nxdomain: 2, servfail: 1, refused: 2 });
  });

  it('count times by powers of two, and add up', () => {
    const counters = new Counters();
    for (const ms of [0, 0.001, 0.003, 0.004, 1, 4500, 1e9]) counters.took(ms);
    counters.took(0.004, 2);
    const other = new Counters();
    other.add(counters);
    other.add(counters);
    const { latency } = other.read();
    assert.deepEqual(latency.flatMap((count, bucket) => (count > 0 ? [[bucket, count]] : [])), [[0, 2], [1, 2], [2, 2], [3, 6], [10, 2], [23, 4]]);
  });
});
