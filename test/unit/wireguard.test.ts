import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { Applier } from '../../src/controller/applier.ts';
import { Reaper } from '../../src/controller/reaper.ts';
import { NetworkError } from '../../src/common/error.ts';
import type { LinkState } from '../../src/kernel/link-state.ts';
import { readMessages } from '../../src/kernel/netlink/message-reader.ts';
import { MessageWriter } from '../../src/kernel/netlink/message-writer.ts';
import { parseDevice, removePeer, setDevice, setPeer } from '../../src/kernel/netlink/wireguard-messages.ts';
import { HOST } from '../../src/kernel/op.ts';
import { publicKeyOf, readKeyFile, requireKeyFile } from '../../src/kernel/wireguard-key.ts';
import type { WireguardPeer } from '../../src/kernel/wireguard-state.ts';
import { RecordingKernel } from '../support/recording-kernel.ts';
import { refuses } from '../support/refusal.ts';

const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('base64'));
const port = fc.integer({ min: 1, max: 65_535 });
const endpoint = fc.record({ address: fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::7'), port }, { noNullPrototype: true });
const allowed = fc.uniqueArray(fc.constantFrom('fd00::1/128', 'fd00::2/128', '10.0.0.0/8', '0.0.0.0/0', '::/0'));

function peers(keys: fc.Arbitrary<string>): fc.Arbitrary<WireguardPeer[]> {
  return fc.uniqueArray(fc.record({ publicKey: keys, endpoint, allowed }, { noNullPrototype: true }), { selector: ({ publicKey }) => publicKey, maxLength: 5 });
}

describe('WireGuard messages', () => {
  it('are read back as they were written: every peer with its endpoint and its addresses, however they are spread over messages', () => {
    fc.assert(
      fc.property(peers(key), port, (wanted, listen) => {
        const writer = new MessageWriter(16);
        for (const [i, write] of [setDevice(31, 7, Buffer.alloc(32, 1), listen), ...wanted.map((peer) => setPeer(31, 7, peer))].entries()) write(writer, i + 1);
        const messages = readMessages(writer.finish());
        assert.deepEqual(messages.map(({ type, payload }) => [type, payload.subarray(0, 4).toString('hex')]), messages.map(() => [31, '01010000']));
        assert.deepEqual(parseDevice(messages.map(({ payload }) => payload)), { publicKey: undefined, port: listen, peers: wanted });
      }),
    );
  });

  it('go on with a peer whose addresses fill more than one', () => {
    const writer = new MessageWriter();
    const peer = { publicKey: Buffer.alloc(32, 7).toString('base64'), endpoint: { address: '192.0.2.1', port: 9 } };
    setPeer(31, 7, { ...peer, allowed: ['fd00::1/128'] })(writer, 1);
    setPeer(31, 7, { ...peer, allowed: ['fd00::2/128'] })(writer, 2);
    assert.deepEqual(parseDevice(readMessages(writer.finish()).map(({ payload }) => payload)).peers, [{ ...peer, allowed: ['fd00::1/128', 'fd00::2/128'] }]);
  });

  it('refuse lengths that do not add up, and read nothing past the end', () => {
    fc.assert(
      fc.property(peers(key), fc.nat(), fc.nat({ max: 255 }), (wanted, at, value) => {
        const writer = new MessageWriter();
        for (const write of [...wanted.map((peer) => setPeer(31, 7, peer)), removePeer(31, 7, Buffer.alloc(32).toString('base64'))]) write(writer, 1);
        const payloads = readMessages(writer.finish()).map(({ payload }) => Buffer.from(payload));
        const [first] = payloads;
        if (first !== undefined) first[at % first.length] = value;
        try {
          parseDevice(payloads);
        } catch (error) {
          assert.ok((error instanceof NetworkError && error.code === 'INTERNAL') || error instanceof RangeError, String(error));
        }
      }),
    );
  });
});

describe('WireGuard key', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'key-'));
    path = join(folder, 'wireguard.key');
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('is made once, for its owner alone, and stays the same', () => {
    const publicKey = requireKeyFile(path);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(Buffer.from(publicKey, 'base64').length, 32);
    assert.equal(requireKeyFile(path), publicKey);
    assert.equal(publicKeyOf(readKeyFile(path)), publicKey);
    assert.match(readFileSync(path, 'utf8'), /^[A-Za-z0-9+/]{43}=\n$/);
    assert.notEqual(requireKeyFile(join(folder, 'other.key')), publicKey);
  });

  it('gives the public key of RFC 7748 §6.1', () => {
    assert.equal(
      Buffer.from(publicKeyOf(Buffer.from('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb', 'hex')), 'base64').toString('hex'),
      'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
    );
  });

  it('that others may read, and what is no key, are not used', () => {
    requireKeyFile(path);
    chmodSync(path, 0o644);
    refuses(() => requireKeyFile(path), 'FORBIDDEN', /mode 644.*delete it and restart/);
    chmodSync(path, 0o600);
    writeFileSync(path, 'nonsense');
    refuses(() => requireKeyFile(path), 'CORRUPT', /holds no WireGuard key/);
    refuses(() => requireKeyFile('/proc/nowhere/key'), 'UNAVAILABLE', /cannot be written/);
  });
});

describe('plan of a WireGuard link', () => {
  const KEYS = ['one', 'two', 'three'].map((text) => Buffer.alloc(32, text).toString('base64'));
  const GROUPS = { live: 78, doomed: 79 };
  /** An address leads to one peer. */
  const apart = peers(fc.constantFrom(...KEYS)).map((list) => list.map((peer, index) => ({ ...peer, allowed: [`fd00::${String(index + 1)}/128`] })));
  const state = fc.record({ publicKey: fc.constantFrom('own', 'new'), port: fc.constantFrom(51_872, 51_873), peers: apart }, { noNullPrototype: true }).map((one) => ({ keyFile: '/key', ...one }));
  const wireguard = state.map((one): LinkState => ({ namespace: HOST, name: 'wg7', type: 'wireguard', label: 'ours', up: true, mtu: 1440, addresses: ['fd00::9/64'], wireguard: one }));

  function applier(kernel: RecordingKernel): Applier {
    const reaper = new Reaper({ kernel, group: GROUPS.doomed, report: () => {}, done: async () => {} });
    return new Applier(kernel, { name: 'nft', rebuild: () => [], change: () => [] }, { groups: GROUPS, doomedName: () => 'doomed0' }, reaper);
  }

  it('ends in the same link from whatever it was, and has nothing to do then', async () => {
    await fc.assert(
      fc.asyncProperty(wireguard, wireguard, fc.boolean(), async (before, wanted, looks) => {
        const kernel = new RecordingKernel();
        const one = applier(kernel);
        await one.transition([{ id: 'net', wanted: { links: [before], facts: [] } }], { onFailure: 'back' });
        const change = { id: 'net', wanted: { links: [wanted], facts: [] } };
        if (looks) await one.converge([change]);
        else await one.transition([change], { onFailure: 'back' });
        const found = kernel.model.tables({ namespace: HOST, link: 'wg7', forwarding: false, neighbours: false, wireguard: true })?.wireguard;
        const byKey = (list: readonly { readonly publicKey: string }[] = []): unknown[] => list.toSorted((a, b) => (a.publicKey < b.publicKey ? -1 : 1));
        assert.deepEqual([found?.publicKey, found?.port], [wanted.wireguard?.publicKey, wanted.wireguard?.port]);
        if (!looks) assert.deepEqual(byKey(found?.peers), byKey(wanted.wireguard?.peers));
        assert.deepEqual(await one.compare({ links: [wanted], facts: [] }), []);
      }),
    );
  });

  it('leaves a peer where it was seen last, and puts right what somebody has changed', async () => {
    const kernel = new RecordingKernel();
    const one = applier(kernel);
    const [first = '', second = ''] = KEYS;
    const peer = { publicKey: first, endpoint: { address: '192.0.2.1', port: 51_872 }, allowed: ['fd00::1/128'] };
    const link: LinkState = { namespace: HOST, name: 'wg7', type: 'wireguard', label: 'ours', up: true, wireguard: { keyFile: '/key', publicKey: 'own', port: 51_872, peers: [peer] } };
    await one.converge([{ id: 'net', wanted: { links: [link], facts: [] } }]);
    // Key and peers are there before it is up.
    assert.deepEqual(kernel.ops.map(({ op }) => op), ['link-add', 'wireguard-set', 'wireguard-peer-set', 'link-set']);
    const [model] = kernel.model.links();
    assert.ok(model);
    model.wireguard = { publicKey: 'own', port: 51_872, peers: [{ ...peer, endpoint: { address: '192.0.2.99', port: 1024 } }] };
    assert.deepEqual(await one.compare({ links: [link], facts: [] }), []);
    model.wireguard = { publicKey: 'own', port: 51_872, peers: [{ ...peer, allowed: [] }, { publicKey: second, allowed: ['::/0'] }] };
    assert.deepEqual((await one.compare({ links: [link], facts: [] })).map(({ op }) => op), ['wireguard-peer-delete', 'wireguard-peer-set']);
  });
});
