import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { acceptRules, type AcceptRulesOptions } from '../../src/firewall/accept-rules.ts';
import type { Fact } from '../../src/firewall/facts.ts';
import { iptablesBackend } from '../../src/firewall/iptables-backend.ts';
import { iptablesDrift } from '../../src/firewall/iptables-drift.ts';
import { nftBackend } from '../../src/firewall/nft-backend.ts';
import { nftDrift } from '../../src/firewall/nft-drift.ts';
import { applyOps, flushEverything, labList, labSave } from '../support/firewall-apply.ts';
import { FACTS } from '../support/firewall-cases.ts';
import { addressOf, FirewallLab } from '../support/firewall-lab.ts';
import { frames, type Datagram } from '../support/frames.ts';

const INSTANCE = '0a1b2c3d';

/** Long enough for what gets through to arrive, ms. */
const ARRIVAL = 400;

/** Everybody of the lab listens there. */
const PORT = 80;
const ENCRYPTED = 0x414243;
const CLEAR = 0x414244;

/** `eth1`, at which `far` is, stands for the link that encrypts; `lan` and `far` are hosts of the cluster. */
const TUNNELS: readonly Fact[] = [
  ...FACTS.filter((fact) => fact.kind !== 'network' || fact.bridge !== 'tb'),
  { kind: 'encrypted-vxlan', port: PORT, vni: ENCRYPTED },
  { kind: 'tunnel-link', link: 'eth1' },
  ...([4, 6] as const).flatMap((family): Fact[] => [
    { kind: 'tunnel-port', family, port: PORT },
    ...['host', 'host@eth1'].map((node): Fact => ({ kind: 'tunnel-end', family, address: addressOf(node, family) })),
    ...['lan', 'far'].map((node): Fact => ({ kind: 'tunnel-peer', family, address: addressOf(node, family) })),
  ]),
];

/** The header of a VXLAN packet (RFC 7348 §5), and something to know it by. */
function vxlan(vni: number, text: string): string {
  return `\b\0\0\0${String.fromCodePoint(vni >> 16, (vni >> 8) & 0xff, vni & 0xff)}\0${text}`;
}

interface Case {
  readonly why: string;
  readonly from: string;
  readonly to: string;
  /** Left out: something else, over tcp. */
  readonly vni?: number;
  /** In frames that no socket sends. */
  readonly as?: Datagram['as'] | 'frame';
  readonly families?: readonly (4 | 6)[];
  readonly arrives: boolean;
}

const CASES: readonly Case[] = [
  { why: 'an encrypted network takes nothing in clear text, not from a host of the cluster', from: 'lan', to: 'host', vni: ENCRYPTED, arrives: false },
  { why: 'not in fragments', from: 'lan', to: 'host', vni: ENCRYPTED, as: 'fragments', arrives: false },
  { why: 'not behind an extension header', from: 'lan', to: 'host', vni: ENCRYPTED, as: 'options', families: [6], arrives: false },
  { why: 'not at another address of the host', from: 'lan', to: 'host@eth1', vni: ENCRYPTED, as: 'frame', arrives: false },
  { why: 'not from an endpoint', from: 'a1', to: 'host@ta', vni: ENCRYPTED, arrives: false },
  { why: 'it does by the link that encrypts', from: 'far', to: 'host@eth1', vni: ENCRYPTED, arrives: true },
  { why: 'another network does in clear text', from: 'lan', to: 'host', vni: CLEAR, arrives: true },
  { why: 'no tunnel ends at another address of the host, where an endpoint of another host could send behind that one’s', from: 'lan', to: 'host@ta', vni: CLEAR, arrives: false },
  { why: 'nor one that came encrypted', from: 'far', to: 'host@ta', vni: ENCRYPTED, arrives: false },
  { why: 'by the link that encrypts comes nothing but tunnels', from: 'far', to: 'host@eth1', arrives: false },
  { why: 'nothing is routed from it', from: 'far', to: 'u1', arrives: false },
  { why: 'nor into it', from: 'a1', to: 'far', vni: ENCRYPTED, arrives: false },
  { why: 'the host sends an encrypted network’s packets nowhere else', from: 'host', to: 'lan', vni: ENCRYPTED, arrives: false },
  { why: 'but there', from: 'host', to: 'far', vni: ENCRYPTED, arrives: true },
  { why: 'and another network’s', from: 'host', to: 'lan', vni: CLEAR, arrives: true },
];

const SETUPS: readonly { readonly name: string; readonly backend: ReturnType<typeof nftBackend>; readonly chains?: NonNullable<AcceptRulesOptions['chains']> }[] = [
  { name: 'nft', backend: nftBackend(INSTANCE) },
  { name: 'iptables-nft', backend: iptablesBackend(INSTANCE, { variant: 'nft' }), chains: 'nft' },
  { name: 'iptables-legacy', backend: iptablesBackend(INSTANCE, { variant: 'legacy' }), chains: 'legacy' },
];

describe('packet filter, around encrypted networks', function () {
  let lab: FirewallLab;

  before(async () => {
    lab = await FirewallLab.start();
  });
  after(() => lab[Symbol.asyncDispose]());

  async function tryOne({ why, from, to, vni, as, arrives }: Case, family: 4 | 6): Promise<string | undefined> {
    const mark = `${why} ${String(family)} ${String(performance.now())}`;
    const text = vxlan(vni ?? 0, mark);
    const address = addressOf(to, family);
    const [hearer = ''] = to.split('@');
    const verdict = (heard: boolean): string | undefined => (heard === arrives ? undefined : `${why}: IPv${String(family)} was ${heard ? '' : 'not '}heard by ${hearer}`);
    if (vni === undefined) return verdict((await lab.ask(from, { do: 'connect', protocol: 'tcp', address, port: PORT, timeout: ARRIVAL })) !== 'nothing');
    if (as === undefined) {
      await lab.ask(from, { do: 'connect', protocol: 'udp', address, port: PORT, timeout: ARRIVAL, say: text });
    } else {
      const datagram = { from: addressOf(from, family), to: address, port: PORT, text, ...(as === 'frame' ? {} : { as }) };
      const sent = frames(datagram, lab.mac({ link: 'eth0' }), lab.mac({ node: from }));
      await lab.ask(from, { do: 'send', link: 'eth0', frames: sent.map((frame) => frame.toString('hex')) });
      await delay(ARRIVAL);
    }
    return verdict((await lab.ask(hearer, { do: 'heard' })).includes(mark));
  }

  const tries = async (cases: readonly Case[]): Promise<(string | undefined)[]> =>
    (await Promise.all(cases.flatMap((one) => (one.families ?? [4, 6]).map((family) => tryOne(one, family))))).filter((sentence) => sentence !== undefined);

  for (const { name, backend, chains } of SETUPS) {
    describe(name, () => {
      const accept = async (wanted: boolean): Promise<void> =>
        applyOps(lab, await acceptRules({ nftList: (command) => labList(lab, command) }, INSTANCE, wanted, { save: labSave(lab), hostPorts: wanted, ...(chains === undefined ? {} : { chains }) }));

      before(() => flushEverything(lab));

      it('everything arrives where there are no such networks', async () => {
        const open = CASES.filter(({ to, from, as }) => as === undefined && to !== 'u1' && from !== 'a1');
        assert.deepEqual(await tries(open.map((one) => ({ ...one, arrives: true }))), []);
      });

      it('clear text neither comes nor goes', async () => {
        applyOps(lab, backend.rebuild(TUNNELS));
        await accept(true);
        assert.deepEqual(await tries(CASES), []);
      });

      it('stands as it was written, and comes and goes with its facts', async () => {
        const drift = async (facts: readonly Fact[]): Promise<readonly string[]> => {
          if (chains === undefined) return nftDrift(INSTANCE, facts, { inet: await labList(lab, `list table inet netctl_${INSTANCE}`), bridge: await labList(lab, `list table bridge netctl_${INSTANCE}`) });
          const saves = await Promise.all(([4, 6] as const).map(async (family) => ({ family, text: (await labSave(lab)(family, chains)) ?? '' })));
          return saves.flatMap(({ family, text }) => iptablesDrift(INSTANCE, facts, family, text));
        };
        assert.deepEqual(await drift(TUNNELS), []);
        const without = TUNNELS.filter(({ kind }) => kind !== 'encrypted-vxlan');
        applyOps(lab, backend.change(TUNNELS, without));
        assert.deepEqual(await drift(without), []);
        assert.deepEqual(await tries([{ why: 'it is a network like others now', from: 'lan', to: 'host', vni: ENCRYPTED, arrives: true }]), []);
        applyOps(lab, backend.change(without, TUNNELS));
        assert.deepEqual(await drift(TUNNELS), []);
        applyOps(lab, backend.rebuild([]));
        await accept(false);
      });
    });
  }
});
