import assert from 'node:assert/strict';
import { Directory } from '../../src/dns/directory.ts';
import { ask, asker, endpoint, network, put, question, read } from '../support/dns-questions.ts';

const directory = new Directory();
directory.setNetwork(network('n', [endpoint('e', ['web'], ['10.0.0.2']), ...Array.from({ length: 100 }, (_, index) => endpoint(`s${index}`, ['svc'], [`10.0.1.${index}`]))]));
directory.setAsker(asker(['n']));

const WEB = question('web', 'A');
const EDNS = question('web', 'A', { udpSize: 1232 });

/** A query with some of its bytes changed. */
function changed(query: Uint8Array, changes: Readonly<Record<number, number>>): Uint8Array {
  const copy = query.slice();
  for (const [at, byte] of Object.entries(changes)) copy[Number(at)] = byte;
  return copy;
}

/** An answer's code, and how many questions it repeats. */
function codeOf(query: Uint8Array): string {
  const bytes = put(directory, query);
  if (typeof bytes === 'string') return bytes;
  const packet = read(bytes) as unknown as { rcode: string; questions: readonly unknown[] };
  return `${packet.rcode} ${packet.questions.length}`;
}

describe('malformed queries', () => {
  it('what is no query gets no answer', () => {
    assert.equal(codeOf(changed(WEB, { 2: 0x81 })), 'drop', 'a response');
    for (let length = 0; length < 12; length++) assert.equal(codeOf(WEB.slice(0, length)), 'drop');
  });

  it('other operations are not implemented', () => {
    for (const opcode of [1, 2, 4, 5, 6, 15]) {
      const bytes = put(directory, changed(WEB, { 2: opcode << 3 }));
      assert.deepEqual([bytes[2], bytes[3]], [0x80 | (opcode << 3), 0x84], 'the operation comes back');
      assert.equal(codeOf(changed(WEB, { 2: opcode << 3 })), 'NOTIMP 0');
    }
  });

  it('a query has one question, no answers, and nothing behind its end', () => {
    for (const change of [{ 5: 0 }, { 5: 2 }, { 4: 0xff, 5: 0xff }, { 7: 1 }, { 9: 1 }]) assert.match(codeOf(changed(WEB, change)), /^FORMERR/);
    assert.match(codeOf(Uint8Array.from([...WEB, 0])), /^FORMERR/);
    assert.match(codeOf(changed(WEB, { 10: 0xff, 11: 0xff })), /^FORMERR/);
  });

  it('cut anywhere it is malformed', () => {
    for (let length = 12; length < EDNS.length; length++) {
      const repeated = length < WEB.length ? 0 : 1;
      assert.equal(codeOf(EDNS.slice(0, length)), `FORMERR ${repeated}`, `${length} bytes: what is not whole is not repeated`);
    }
  });

  it('names neither point anywhere nor have other kinds of labels', () => {
    for (const byte of [0xc0, 0xff, 0x40, 0x41, 0x80, 64]) assert.equal(codeOf(changed(WEB, { 12: byte })), 'FORMERR 0', byte.toString(16));
    assert.equal(codeOf(changed(WEB, { 16: 0xc0, 17: 12 })), 'FORMERR 0', 'behind a label');
  });

  it('a name of 255 bytes is one, of 256 is none', () => {
    const labels = Buffer.concat([63, 63, 63, 61].map((length) => Buffer.from([length, ...Buffer.alloc(length, 'a')])));
    const of = (name: Buffer): Uint8Array => Buffer.concat([WEB.subarray(0, 12), name, Buffer.from([0, 0, 1, 0, 1])]);
    assert.equal(labels.length, 254);
    assert.equal(codeOf(of(labels)), 'forward');
    labels[192] = 62;
    assert.equal(codeOf(of(Buffer.concat([labels, Buffer.from('a')]))), 'FORMERR 0');
  });
});

describe('classes and transfers', () => {
  it('there is one class, and no zone to hand out', () => {
    assert.equal(codeOf(question('web', 'A', { class: 'CH' })), 'REFUSED 1');
    assert.equal(codeOf(question('version.bind', 'TXT', { class: 'CH' })), 'REFUSED 1');
    assert.equal(codeOf(question('web', 'A', { class: 'ANY' })), 'REFUSED 1');
    assert.equal(codeOf(question('example.com', 'AXFR')), 'REFUSED 1');
  });
});

describe('EDNS', () => {
  /** The OPT record of an answer. */
  function optOf(packet: ReturnType<typeof read>): unknown {
    const opts = (packet.additionals ?? []).flatMap((record) => (record.type === 'OPT' ? [record] : []));
    assert.ok(opts.length < 2);
    const [opt] = opts;
    return opt === undefined ? undefined : [opt.udpPayloadSize, opt.extendedRcode, opt.ednsVersion, opt.flag_do, opt.options.length];
  }

  it('who has it gets it back, who has not does not', () => {
    assert.deepEqual(optOf(ask(directory, 'web', 'A', { udpSize: 4096 })), [1232, 0, 0, false, 0]);
    assert.deepEqual(optOf(ask(directory, 'web', 'A', { udpSize: 4096, dnssecOk: true })), [1232, 0, 0, true, 0]);
    assert.equal(optOf(ask(directory, 'web', 'A')), undefined);
    assert.deepEqual(optOf(ask(directory, 'web', 'MX', { udpSize: 512 })), [1232, 0, 0, false, 0]);
    assert.deepEqual(optOf(ask(directory, 'svc', 'A', { udpSize: 512 })), [1232, 0, 0, false, 0], 'also with a truncated answer');
  });

  it('its size counts, from 512 to 1232', () => {
    const lengthOf = (udpSize: number | undefined, limit?: number): readonly [number, boolean] => {
      const bytes = put(directory, question('svc', 'A', udpSize === undefined ? {} : { udpSize }), limit);
      return [bytes.length, read(bytes).flag_tc];
    };
    // 12 and 9 bytes of header and question, 16 a record, 11 of OPT
    assert.deepEqual(lengthOf(undefined), [12 + 9 + 16 * 30, true]);
    const none = put(directory, changed(question('svc', 'A', { udpSize: 1232 }), { 24: 0, 25: 0 }));
    assert.equal(none.length, 12 + 9 + 11 + 16 * 30, 'less than 512 means 512');
    assert.deepEqual(lengthOf(512), [12 + 9 + 11 + 16 * 30, true]);
    assert.deepEqual(lengthOf(600), [12 + 9 + 11 + 16 * 35, true]);
    assert.deepEqual(lengthOf(1232), [12 + 9 + 11 + 16 * 75, true]);
    assert.deepEqual(lengthOf(65_535), [12 + 9 + 11 + 16 * 75, true]);
    assert.deepEqual(lengthOf(512, 0xffff), [12 + 9 + 11 + 16 * 100, false], 'TCP');
  });

  it('another version is refused with ours', () => {
    const packet = ask(directory, 'web', 'A', { udpSize: 1232, version: 1 });
    assert.deepEqual([(packet as unknown as { rcode: string }).rcode, optOf(packet)], ['NOERROR', [1232, 1, 0, false, 0]], 'BADVERS is 16: the lower four bits are 0');
    assert.deepEqual(packet.answers, []);
  });

  it('two OPT records, or one of another name than the root, are malformed', () => {
    const opt = EDNS.slice(WEB.length);
    assert.match(codeOf(changed(Uint8Array.from([...EDNS, ...opt]), { 11: 2 })), /^FORMERR/);
    assert.match(codeOf(changed(Uint8Array.from([...WEB, 1, 97, ...opt]), { 11: 1 })), /^FORMERR/);
    assert.match(codeOf(changed(Uint8Array.from([...WEB, 0xc0, 12, ...opt.slice(1)]), { 11: 1 })), /^FORMERR/);
  });

  it('options and other records beside it are passed over', () => {
    const cookie = [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8];
    const withCookie = changed(Uint8Array.from([...EDNS, ...cookie]), { [EDNS.length - 1]: cookie.length });
    assert.equal(codeOf(withCookie), 'NOERROR 1');
    const other = [0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, 0, 1, 0];
    assert.equal(codeOf(changed(Uint8Array.from([...WEB, ...other, ...EDNS.slice(WEB.length)]), { 11: 2 })), 'NOERROR 1');
    assert.match(codeOf(changed(withCookie, { [EDNS.length - 1]: cookie.length + 1 })), /^FORMERR/);
  });
});

describe('an answer’s buffer', () => {
  it('that cannot hold it gets none', () => {
    const out = new Uint8Array(20);
    assert.equal(directory.answer('me', WEB, 0, WEB.length, out, 512), 'drop');
    assert.equal(directory.answer('me', WEB, 0, WEB.length, new Uint8Array(WEB.length), 512), WEB.length);
  });
});
