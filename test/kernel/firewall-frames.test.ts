import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { acceptRules, type AcceptRulesOptions } from '../../src/firewall/accept-rules.ts';
import { iptablesBackend } from '../../src/firewall/iptables-backend.ts';
import { nftBackend } from '../../src/firewall/nft-backend.ts';
import { applyOps, flushEverything, labList, labSave } from '../support/firewall-apply.ts';
import { FACTS } from '../support/firewall-cases.ts';
import { addressOf, FirewallLab } from '../support/firewall-lab.ts';
import { frames, type Datagram } from '../support/frames.ts';

const INSTANCE = '0a1b2c3d';

/** Long enough for what gets through to arrive, ms. */
const ARRIVAL = 500;

interface Attack {
  readonly why: string;
  /** Who sends. */
  readonly node: string;
  /** To whose MAC address: a link of the host, or a sibling. */
  readonly by: { readonly link: string } | { readonly node: string };
  /** Node, end of the host, or address for each family. */
  readonly from: string | readonly [v4: string, v6: string];
  readonly to: string;
  readonly port: number;
  readonly as?: Datagram['as'];
  readonly tagged?: true;
  readonly families?: readonly (4 | 6)[];
  /** Who must not hear of it, or must. */
  readonly hears: string;
  readonly arrives?: true;
}

const LAN = { link: 'eth0' };
const STRANGER = ['192.0.2.200', '2001:db8:101::200'] as const;

const ATTACKS: readonly Attack[] = [
  { why: 'a published port takes fragments', node: 'lan', by: LAN, from: 'lan', to: 'host', port: 8080, as: 'fragments', hears: 'a1', arrives: true },
  { why: 'fragments get no further by route than a whole packet', node: 'lan', by: LAN, from: 'lan', to: 'a1', port: 80, as: 'fragments', hears: 'a1' },
  { why: 'a published port is found behind an extension header', node: 'lan', by: LAN, from: 'lan', to: 'host', port: 8080, as: 'options', families: [6], hears: 'a1', arrives: true },
  { why: 'an extension header leads no further by route', node: 'lan', by: LAN, from: 'lan', to: 'a1', port: 80, as: 'options', families: [6], hears: 'a1' },
  ...(['lan', 'a1', 'i1', 'k1'] as const).flatMap((node): Attack[] => {
    const by = { link: { lan: 'eth0', a1: 'ta', i1: 'ti', k1: 'docker0' }[node] };
    return [
      { why: `${node} does not reach what the host keeps to itself`, node, by, from: node, to: 'loopback', port: 8000, families: [4], hears: 'host' },
      { why: `${node} does not reach ::1`, node, by, from: node, to: 'loopback', port: 80, families: [6], hears: 'host' },
      { why: `${node} does not reach what is published on 127.0.0.1`, node, by, from: node, to: 'loopback', port: 8081, families: [4], hears: 'a1' },
      { why: `${node} is not the loopback`, node, by, from: 'loopback', to: `host${node === 'lan' ? '' : `@${by.link}`}`, port: 80, hears: 'host' },
      ...(node === 'a1' ? [] : [{ why: `${node} is none of another network`, node, by, from: 'a2', to: 'u1', port: 80, hears: 'u1' }]),
    ];
  }),
  { why: 'nothing leaves an internal network, whoever says he sends it', node: 'i1', by: { link: 'ti' }, from: STRANGER, to: 'lan', port: 80, hears: 'lan' },
  { why: 'nor an isolated one', node: 'z1', by: { link: 'tz' }, from: STRANGER, to: 'lan', port: 80, hears: 'lan' },
  { why: 'icc=false: not by the sibling’s MAC address', node: 'b1', by: { node: 'b2' }, from: 'b1', to: 'b2', port: 80, hears: 'b2' },
  { why: 'icc=false: not with a VLAN tag', node: 'b1', by: { node: 'b2' }, from: 'b1', to: 'b2', port: 80, tagged: true, hears: 'b2' },
  { why: 'icc=false: not in fragments', node: 'b1', by: { node: 'b2' }, from: 'b1', to: 'b2', port: 80, as: 'fragments', hears: 'b2' },
  { why: 'icc=false: not with an address of the host in a frame for the sibling', node: 'b1', by: { node: 'b2' }, from: 'b1', to: 'host', port: 80, hears: 'b2' },
  { why: 'icc=false: not by the gateway as the gateway', node: 'b1', by: { link: 'tb' }, from: 'host@tb', to: 'b2', port: 80, hears: 'b2' },
  { why: 'icc=false: not by the gateway as a stranger', node: 'b1', by: { link: 'tb' }, from: STRANGER, to: 'b2', port: 80, hears: 'b2' },
  { why: 'a network is closed to who says he belongs to it', node: 'a1', by: { link: 'ta' }, from: 'b2', to: 'b1', port: 80, hears: 'b1' },
  { why: 'and to strangers', node: 'a1', by: { link: 'ta' }, from: STRANGER, to: 'b1', port: 80, hears: 'b1' },
];

const SETUPS: readonly { readonly name: string; readonly backend: ReturnType<typeof nftBackend>; readonly chains?: NonNullable<AcceptRulesOptions['chains']> }[] = [
  { name: 'nft', backend: nftBackend(INSTANCE) },
  { name: 'iptables-nft', backend: iptablesBackend(INSTANCE, { variant: 'nft' }), chains: 'nft' },
];

describe('packet filter, with frames that no socket sends', function () {
  let lab: FirewallLab;

  before(async () => {
    lab = await FirewallLab.start();
  });
  after(() => lab[Symbol.asyncDispose]());

  async function attack(one: Attack, family: 4 | 6): Promise<string | undefined> {
    const address = (what: Attack['from']): string => (typeof what === 'string' ? addressOf(what, family) : what[family === 4 ? 0 : 1]);
    // Behind the first bytes, which are all that a first fragment holds.
    const text = `frame ${one.why} ${String(family)} ${String(performance.now())}`;
    const datagram = { from: address(one.from), to: address(one.to), port: one.port, text, ...(one.as === undefined ? {} : { as: one.as }) };
    const sent = frames(datagram, lab.mac(one.by), lab.mac({ node: one.node }), one.tagged);
    await lab.ask(one.node, { do: 'send', link: 'eth0', frames: sent.map((frame) => frame.toString('hex')) });
    await delay(ARRIVAL);
    const heard = (await lab.ask(one.hears, { do: 'heard' })).includes(text);
    return heard === (one.arrives === true) ? undefined : `${one.why}: IPv${String(family)} was ${heard ? '' : 'not '}heard by ${one.hears}`;
  }

  for (const { name, backend, chains } of SETUPS) {
    describe(name, () => {
      before(async () => {
        flushEverything(lab);
        applyOps(lab, backend.rebuild(FACTS));
        applyOps(lab, await acceptRules({ nftList: (command) => labList(lab, command) }, INSTANCE, true, { save: labSave(lab), ...(chains === undefined ? {} : { chains }) }));
        // Whoever is reached by route is known to his neighbours.
        for (const node of ['a1', 'b1', 'b2', 'u1', 'i1', 'z1']) for (const family of [4, 6] as const) await lab.ping('host', addressOf(node, family), 2000);
      });

      for (const bridgeNf of ['0', '1']) {
        it(`none gets through with bridge-nf-call-iptables=${bridgeNf}`, async () => {
          lab.host('sysctl', ['-qw', `net.bridge.bridge-nf-call-iptables=${bridgeNf}`, `net.bridge.bridge-nf-call-ip6tables=${bridgeNf}`]);
          const tries = ATTACKS.flatMap((one) => (one.families ?? [4, 6]).map((family) => attack(one, family)));
          assert.deepEqual((await Promise.all(tries)).filter((sentence) => sentence !== undefined), []);
        });
      }
    });
  }
});
