import assert from 'node:assert/strict';
import { acceptRules } from '../../src/firewall/accept-rules.ts';
import { NetworkError } from '../../src/common/error.ts';
import type { IptablesFamily, IptablesVariant } from '../../src/kernel/firewall-command.ts';
import type { Op } from '../../src/kernel/op.ts';

const ACCEPT = '-m mark --mark 0x10000000/0x10000000 -m comment --comment "netctl:0a1b2c3d" -j ACCEPT';

/** Rule sets as somebody finds them, by `family variant table`. */
type Machine = Readonly<Record<string, string>>;

/** @param inNft chains that nft lists, `FAMILY TABLE CHAIN`; undefined: there is no nft */
function plan(machine: Machine, wanted: boolean, chains?: IptablesVariant, inNft?: readonly string[], hostPorts = false): Promise<readonly Op[]> {
  const read = async (family: IptablesFamily, variant: IptablesVariant, { table }: { readonly table?: string } = {}): Promise<string | undefined> => {
    const key = `${family} ${variant} ${table ?? ''}`;
    const texts = Object.entries(machine).flatMap(([name, text]) => (name.startsWith(key) ? [text] : []));
    return texts.length === 0 ? undefined : texts.join('');
  };
  const nftList = async (): Promise<unknown> => {
    if (inNft === undefined) throw new NetworkError('UNSUPPORTED', 'no nft');
    return { nftables: inNft.map((text) => text.split(' ')).map(([family, table, name]) => ({ chain: { family, table, name } })) };
  };
  return acceptRules({ nftList }, '0a1b2c3d', wanted, { save: read, hostPorts, ...(chains === undefined ? {} : { chains }) });
}

function lines(ops: readonly Op[]): string[] {
  return ops.flatMap((op) => {
    if (op.op === 'nft') return op.script.trimEnd().split('\n').map((line) => (op.empty === undefined ? line : `${line} if empty`));
    if (op.op !== 'iptables-restore') return [op.op];
    let table = '';
    return op.batch.split('\n').flatMap((line) => {
      if (line.startsWith('*')) table = line.slice(1);
      return /^[-:]/.test(line) ? [`${op.family} ${op.variant} ${table} ${line}${op.optional === true ? ' or not' : ''}`] : [];
    });
  });
}

/** @param chains with a policy where it is not `-` */
function save(table: string, chains: readonly string[], rules: readonly string[] = []): string {
  return [`*${table}`, ...chains.map((chain) => `:${chain.includes(' ') ? chain : `${chain} -`} [0:0]`), ...rules, 'COMMIT', ''].join('\n');
}

const FORWARD = save('filter', ['FORWARD']);

/** As the iptables back end leaves a rule set that nobody has hooked yet. */
const BUILT: Machine = {
  '4 nft filter': save('filter', ['FORWARD', 'DOCKER-USER', 'NETCTL-0a1b2c3d-GUARD'], ['-A FORWARD -j DOCKER-USER']),
  '4 nft raw': save('raw', ['PREROUTING', 'NETCTL-0a1b2c3d-RAW']),
  '4 nft nat': save('nat', ['PREROUTING', 'OUTPUT', 'POSTROUTING', 'NETCTL-0a1b2c3d-PORTS', 'NETCTL-0a1b2c3d-PUBLISH', 'NETCTL-0a1b2c3d-LEAVE'], ['-A PREROUTING -j DOCKER']),
  '4 nft mangle': save('mangle', ['PREROUTING', 'FORWARD', 'NETCTL-0a1b2c3d-EARLY', 'NETCTL-0a1b2c3d-FORWARD']),
  'bridge default filter': save('filter', ['FORWARD', 'NETCTL-0a1b2c3d-SEPARATE', 'NETCTL-0a1b2c3d-SEPARATE-OUT']),
};

describe('our rules in what iptables holds', () => {
  it('with nft: the accept rule in every rule set that has a FORWARD chain, and nothing else', async () => {
    assert.deepEqual(lines(await plan({ '4 nft filter': FORWARD, '4 legacy filter': FORWARD, '6 nft filter': FORWARD }, true)), [`4 nft filter -I FORWARD 1 ${ACCEPT}`, `4 legacy filter -I FORWARD 1 ${ACCEPT}`, `6 nft filter -I FORWARD 1 ${ACCEPT}`]);
    assert.deepEqual(await plan({}, true), []);
  });

  it('ports of the host get an accept rule in INPUT, where there is one, as long as they are wanted', async () => {
    const both = save('filter', ['INPUT', 'FORWARD']);
    const open = await plan({ '4 nft filter': both }, true, undefined, undefined, true);
    assert.deepEqual(lines(open), [`4 nft filter -I FORWARD 1 ${ACCEPT}`, `4 nft filter -I INPUT 1 ${ACCEPT}`]);
    const there = save('filter', ['INPUT', 'FORWARD'], [`-A INPUT ${ACCEPT}`, `-A FORWARD ${ACCEPT}`]);
    assert.deepEqual(lines(await plan({ '4 nft filter': there }, true, undefined, undefined, true)), []);
    assert.deepEqual(lines(await plan({ '4 nft filter': there }, true)), [`4 nft filter -D INPUT ${ACCEPT}`]);
    assert.deepEqual(lines(await plan({ '4 nft filter': FORWARD }, true, undefined, undefined, true)), [`4 nft filter -I FORWARD 1 ${ACCEPT}`]);
  });

  it('plain iptables is used where its kinds have no names of their own', async () => {
    assert.deepEqual(lines(await plan({ '4 default filter': FORWARD }, true)), [`4 default filter -I FORWARD 1 ${ACCEPT}`]);
    assert.deepEqual(lines(await plan({ '4 nft filter': FORWARD, '4 default filter': FORWARD }, true)), [`4 nft filter -I FORWARD 1 ${ACCEPT}`]);
  });

  it('with iptables: each chain is hooked once, and the accept rule counted before the jumps come', async () => {
    const jump = '-m comment --comment "netctl:0a1b2c3d" -j NETCTL-0a1b2c3d';
    assert.deepEqual(lines(await plan(BUILT, true, 'nft')), [
      `4 nft filter -I FORWARD 2 ${ACCEPT}`,
      `4 nft raw -I PREROUTING 1 ${jump}-RAW`,
      `4 nft nat -I PREROUTING 1 ${jump}-PUBLISH`,
      `4 nft nat -I OUTPUT 1 ${jump}-PUBLISH`,
      `4 nft nat -I POSTROUTING 1 ${jump}-LEAVE`,
      `4 nft mangle -I PREROUTING 1 ${jump}-EARLY`,
      `4 nft mangle -I FORWARD 1 ${jump}-FORWARD`,
      `4 nft filter -I FORWARD 1 ${jump}-GUARD`,
      'bridge default filter -I FORWARD 1 -j NETCTL-0a1b2c3d-SEPARATE',
    ]);
  });

  it('with iptables: a jump that somebody changed is made anew, a chain that only carries our name goes', async () => {
    const mangle = save('mangle', ['FORWARD', 'NETCTL-0a1b2c3d-FORWARD', 'NETCTL-0a1b2c3d-MORE', 'NETCTL-ffffffff-MORE'], ['-A FORWARD -i eth0 -m comment --comment "netctl:0a1b2c3d" -j NETCTL-0a1b2c3d-FORWARD', '-A FORWARD -j NETCTL-0a1b2c3d-MORE', '-A FORWARD -j NETCTL-ffffffff-MORE']);
    const filter = save('filter', ['FORWARD', 'NETCTL-0a1b2c3d-GUARD'], [`-A FORWARD -m comment --comment "netctl:0a1b2c3d" -j NETCTL-0a1b2c3d-GUARD`, `-A FORWARD ${ACCEPT}`]);
    assert.deepEqual(lines(await plan({ '4 nft mangle': mangle, '4 nft filter': filter }, true, 'nft')), [
      '4 nft mangle -D FORWARD -j NETCTL-0a1b2c3d-MORE',
      '4 nft mangle -F NETCTL-0a1b2c3d-MORE',
      '4 nft mangle -X NETCTL-0a1b2c3d-MORE',
      '4 nft mangle -D FORWARD -i eth0 -m comment --comment "netctl:0a1b2c3d" -j NETCTL-0a1b2c3d-FORWARD',
      '4 nft mangle -I FORWARD 1 -m comment --comment "netctl:0a1b2c3d" -j NETCTL-0a1b2c3d-FORWARD',
    ]);
  });

  it('a built-in chain that comes with our jump is marked, and goes with it unless somebody uses it', async () => {
    const machine = {
      '4 nft filter': save('filter', ['FORWARD ACCEPT', 'NETCTL-0a1b2c3d-GUARD']),
      '4 nft nat': save('nat', ['PREROUTING ACCEPT', 'OUTPUT ACCEPT', 'POSTROUTING ACCEPT', 'NETCTL-0a1b2c3d-PUBLISH']),
    };
    const listed = ['ip filter NETCTL-0a1b2c3d-GUARD', 'ip nat OUTPUT', 'ip nat NETCTL-0a1b2c3d-PUBLISH'];
    const marks = lines(await plan(machine, true, 'nft', listed)).filter((line) => line.includes(' :'));
    assert.deepEqual(marks, ['4 nft nat :NETCTL-0a1b2c3d-+PREROUTING - [0:0]', '4 nft filter :NETCTL-0a1b2c3d-+FORWARD - [0:0]']);

    const jump = '-m comment --comment "netctl:0a1b2c3d" -j NETCTL-0a1b2c3d';
    const hooked = {
      '4 nft filter': save('filter', ['FORWARD ACCEPT', 'NETCTL-0a1b2c3d-GUARD', 'NETCTL-0a1b2c3d-+FORWARD'], [`-A FORWARD ${jump}-GUARD`, `-A FORWARD ${ACCEPT}`]),
      '4 nft nat': save('nat', ['PREROUTING ACCEPT', 'OUTPUT ACCEPT', 'NETCTL-0a1b2c3d-+PREROUTING', 'NETCTL-0a1b2c3d-PUBLISH'], [`-A PREROUTING ${jump}-PUBLISH`, `-A OUTPUT ${jump}-PUBLISH`]),
    };
    const now = ['ip filter FORWARD', 'ip filter NETCTL-0a1b2c3d-GUARD', 'ip nat PREROUTING', 'ip nat OUTPUT', 'ip nat NETCTL-0a1b2c3d-PUBLISH'];
    const tidied = async (change: (text: string) => string, more: readonly string[] = []): Promise<string[]> => {
      const changed = Object.fromEntries(Object.entries(hooked).map(([key, text]) => [key, change(text)]));
      return lines(await plan(changed, false, 'nft', [...now, ...more])).filter((line) => / or not$| if empty$/.test(line));
    };
    assert.deepEqual(await tidied((text) => text), ['4 nft nat -X PREROUTING or not', '4 nft filter -X FORWARD or not', 'delete table ip filter if empty']);
    assert.deepEqual(await tidied((text) => text.replace('FORWARD ACCEPT', 'FORWARD DROP')), ['4 nft nat -X PREROUTING or not']);
    assert.deepEqual(await tidied((text) => text.replace(/^-A PREROUTING/m, '-A PREROUTING -j OTHER\n$&')), ['4 nft filter -X FORWARD or not', 'delete table ip filter if empty']);
    assert.deepEqual(await tidied((text) => text, ['ip filter INPUT']), ['4 nft nat -X PREROUTING or not', '4 nft filter -X FORWARD or not']);
  });

  it('no FORWARD chain is made for the accept rule alone', async () => {
    const nft = FORWARD.replace('*filter', '# Generated by iptables-nft-save v1.8.9 (nf_tables)\n*filter');
    assert.deepEqual(await plan({ '4 nft filter': nft, '4 default filter': nft }, true, undefined, ['ip filter INPUT']), []);
    assert.deepEqual(lines(await plan({ '4 nft filter': nft }, true, undefined, ['ip filter FORWARD'])), [`4 nft filter -I FORWARD 1 ${ACCEPT}`]);
    assert.deepEqual(lines(await plan({ '4 default filter': FORWARD }, true, undefined, ['ip filter INPUT'])), [`4 default filter -I FORWARD 1 ${ACCEPT}`]);
  });

  it('with iptables: a jump that is there stays where it is, a second one goes', async () => {
    const jump = '-A FORWARD -m comment --comment "netctl:0a1b2c3d" -j NETCTL-0a1b2c3d-FORWARD';
    const mangle = save('mangle', ['PREROUTING', 'FORWARD', 'NETCTL-0a1b2c3d-FORWARD'], ['-A FORWARD -j TCPMSS', jump, jump]);
    const filter = save('filter', ['FORWARD', 'NETCTL-0a1b2c3d-GUARD'], ['-A FORWARD -m comment --comment "netctl:0a1b2c3d" -j NETCTL-0a1b2c3d-GUARD', `-A FORWARD ${ACCEPT}`]);
    assert.deepEqual(lines(await plan({ '4 nft mangle': mangle, '4 nft filter': filter }, true, 'nft')), [`4 nft mangle ${jump.replace('-A', '-D')}`]);
  });

  it('unwanted: jumps and chains of this owner go, everything else stays', async () => {
    const nat = save('nat', ['PREROUTING', 'DOCKER', 'NETCTL-0a1b2c3d-PORTS', 'NETCTL-0a1b2c3d-PUBLISH', 'NETCTL-ffffffff-PORTS'], [
      '-A PREROUTING -j DOCKER',
      '-A PREROUTING -j NETCTL-ffffffff-PORTS',
      '-A PREROUTING -m comment --comment "netctl:0a1b2c3d" -j NETCTL-0a1b2c3d-PUBLISH',
      '-A NETCTL-0a1b2c3d-PUBLISH -j NETCTL-0a1b2c3d-PORTS',
    ]);
    assert.deepEqual(lines(await plan({ '4 nft nat': nat, '4 nft filter': save('filter', ['FORWARD', 'NETCTL-0a1b2c3d-GUARD']) }, false, 'nft')), [
      '4 nft nat -D PREROUTING -m comment --comment "netctl:0a1b2c3d" -j NETCTL-0a1b2c3d-PUBLISH',
      '4 nft nat -F NETCTL-0a1b2c3d-PORTS',
      '4 nft nat -F NETCTL-0a1b2c3d-PUBLISH',
      '4 nft nat -X NETCTL-0a1b2c3d-PORTS',
      '4 nft nat -X NETCTL-0a1b2c3d-PUBLISH',
      '4 nft filter -F NETCTL-0a1b2c3d-GUARD',
      '4 nft filter -X NETCTL-0a1b2c3d-GUARD',
    ]);
  });

  it('what the other back end left goes when the choice changed', async () => {
    const toNft = lines(await plan(BUILT, true));
    assert.ok(toNft.includes('4 nft filter -X NETCTL-0a1b2c3d-GUARD') && toNft.includes('bridge default filter -X NETCTL-0a1b2c3d-SEPARATE'), toNft.join('\n'));
    assert.ok(toNft.includes(`4 nft filter -I FORWARD 2 ${ACCEPT}`));
    const toLegacy = lines(await plan(BUILT, true, 'legacy'));
    assert.ok(toLegacy.includes('4 nft nat -X NETCTL-0a1b2c3d-PORTS'), toLegacy.join('\n'));
    assert.deepEqual(lines(await plan({}, true, 'nft', ['inet netctl_0a1b2c3d forward'])), ['delete table inet netctl_0a1b2c3d']);
    assert.deepEqual(await plan({}, true, undefined, ['inet netctl_0a1b2c3d forward']), []);
  });
});
