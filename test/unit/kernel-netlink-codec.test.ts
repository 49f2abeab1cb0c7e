import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { NetworkError } from '../../src/common/error.ts';
import { NLM_F } from '../../src/kernel/netlink/constants.ts';
import { Attributes, readMessages } from '../../src/kernel/netlink/message-reader.ts';
import { MessageWriter } from '../../src/kernel/netlink/message-writer.ts';
import { parseLink, parseRoute } from '../../src/kernel/netlink/snapshot.ts';

type Content = { readonly kind: 'u32'; readonly value: number } | { readonly kind: 'u8'; readonly value: number } | { readonly kind: 'text'; readonly value: string } | { readonly kind: 'bytes'; readonly value: Uint8Array } | { readonly kind: 'nest'; readonly value: Tree };
type Tree = readonly (readonly [type: number, content: Content])[];

const { tree } = fc.letrec<{ tree: Tree; content: Content }>((tie) => ({
  // Each type once: of several the kernel, and we, read the last.
  tree: fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 0x3fff }), tie('content')), { maxLength: 6, selector: ([type]) => type }),
  content: fc.oneof(
    { depthSize: 'small' },
    fc.record({ kind: fc.constant('u32' as const), value: fc.nat({ max: 0xffff_ffff }) }, { noNullPrototype: true }),
    fc.record({ kind: fc.constant('u8' as const), value: fc.nat({ max: 255 }) }, { noNullPrototype: true }),
    fc.record({ kind: fc.constant('text' as const), value: fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')) }, { noNullPrototype: true }),
    fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 40 }) }, { noNullPrototype: true }),
    fc.record({ kind: fc.constant('nest' as const), value: tie('tree') }, { noNullPrototype: true }),
  ),
}));

function write(writer: MessageWriter, content: Tree): void {
  for (const [type, { kind, value }] of content) {
    if (kind === 'u32') writer.u32(type, value);
    else if (kind === 'u8') writer.u8(type, value);
    else if (kind === 'text') writer.text(type, value);
    else if (kind === 'bytes') writer.bytes(type, value);
    else writer.nest(type, () => write(writer, value));
  }
}

function read(attributes: Attributes, shape: Tree): Tree {
  return shape.map(([type, { kind, value }]) => {
    if (kind === 'u32') return [type, { kind, value: attributes.u32(type) ?? -1 }];
    if (kind === 'u8') return [type, { kind, value: attributes.u8(type) ?? -1 }];
    if (kind === 'text') return [type, { kind, value: attributes.text(type) ?? '(none)' }];
    if (kind === 'bytes') return [type, { kind, value: Uint8Array.from(attributes.bytes(type) ?? [255]) }];
    const nest = attributes.nest(type);
    assert.ok(nest);
    return [type, { kind, value: read(nest, value) }];
  });
}

/** Every reader on these bytes: it may refuse them, nothing else. */
function tries(bytes: Buffer): void {
  for (const act of [() => readMessages(bytes), () => new Attributes(bytes), () => parseLink(bytes, new Map()), () => parseRoute(bytes)]) {
    try {
      act();
    } catch (error) {
      assert.ok((error instanceof NetworkError && error.code === 'INTERNAL') || error instanceof RangeError, String(error));
    }
  }
}

describe('netlink codec', () => {
  it('reads back every message and attribute that it wrote, in one datagram', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ type: fc.integer({ min: 16, max: 0xffff }), content: tree }, { noNullPrototype: true }), { minLength: 1, maxLength: 5 }), (wanted) => {
        // Small on purpose: it has to grow.
        const writer = new MessageWriter(16);
        for (const [i, { type, content }] of wanted.entries()) write(writer.begin(type, NLM_F.ACK, i + 1).interfaceInfo(i), content);
        const messages = readMessages(writer.finish());
        assert.deepEqual(messages.map(({ type, sequence, flags }) => ({ type, sequence, flags })), wanted.map(({ type }, i) => ({ type, sequence: i + 1, flags: 5 })));
        for (const [i, { content }] of wanted.entries()) {
          const payload = messages[i]?.payload ?? Buffer.alloc(0);
          assert.equal(payload.readInt32LE(4), i);
          assert.deepEqual(read(new Attributes(payload, 16), content), content);
        }
      }),
    );
  });

  it('is reusable: what was written before leaves no trace', () => {
    const writer = new MessageWriter(16);
    writer.begin(16, 0, 1).text(1, 'a long text that fills the buffer with something');
    const [first] = [Buffer.from(writer.finish())];
    writer.clear();
    writer.begin(16, 0, 2).addressInfo(2, 24, 7);
    assert.equal(writer.finish().toString('hex'), '180000001000010002000000000000000218000007000000');
    assert.notEqual(first.length, writer.length);
  });

  it('refuses lengths that do not add up, and never reads past the end', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => tries(Buffer.from(bytes))), { numRuns: 500 });
    // Well-formed at first, then damaged in one byte.
    fc.assert(
      fc.property(tree, fc.nat(), fc.nat({ max: 255 }), (content, at, value) => {
        const writer = new MessageWriter();
        write(writer.begin(16, 0, 1).interfaceInfo(1), content);
        const bytes = Buffer.from(writer.finish());
        bytes[at % bytes.length] = value;
        tries(bytes);
      }),
    );
  });

  it('names the byte at which a length is wrong', () => {
    const header = Buffer.alloc(16);
    for (const length of [0, 15, 17, 0xffff_ffff]) {
      header.writeUInt32LE(length);
      assert.throws(() => readMessages(header), /message at byte 0 of 16/);
    }
    assert.throws(() => new Attributes(Buffer.from([3, 0, 1, 0])), /attribute at byte 0 of 4 claims 3/);
    assert.throws(() => new Attributes(Buffer.from([9, 0, 1, 0, 1, 2, 3, 4])), /claims 9/);
    assert.throws(() => new Attributes(Buffer.from([5, 0, 1, 0, 1])).u32(1), /has 1 bytes, not 4/);
  });

  it('does not write what does not fit into 16 bits of length', () => {
    assert.throws(() => new MessageWriter().begin(16, 0, 1).bytes(1, new Uint8Array(65_533)), RangeError);
    assert.throws(() => new MessageWriter().begin(16, 0, 1).nest(1, (writer) => writer.bytes(1, new Uint8Array(40_000)).bytes(2, new Uint8Array(40_000))), RangeError);
  });
});
