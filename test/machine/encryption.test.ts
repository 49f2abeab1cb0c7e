import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { overlayDriver } from '../../drivers/overlay/overlay-driver.ts';
import type { HostRecord } from '../../src/cluster/records.ts';
import { ClusterTunnel } from '../../src/controller/cluster-tunnel.ts';
import { tunnelChange } from '../../src/controller/tunnels.ts';
import type { Fact } from '../../src/firewall/facts.ts';
import { nftBackend } from '../../src/firewall/nft-backend.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import type { LinkState } from '../../src/kernel/link-state.ts';
import { openKernel } from '../../src/kernel/open-kernel.ts';
import { HOST } from '../../src/kernel/op.ts';
import { requireKeyFile } from '../../src/kernel/wireguard-key.ts';
import { eventually } from '../support/eventually.ts';
import { frames } from '../support/frames.ts';
import { MultiHostLab, type LabHost } from '../support/multi-host.ts';
import { inside, OverlayPair, side, vtep, type Side } from '../support/overlay-pair.ts';
import { run } from '../support/run.ts';
import { skip } from '../support/skip.ts';
import { inVirtualMachine } from '../support/virtual-machine.ts';

const EAVESDROPPER = fileURLToPath(new URL('../support/eavesdropper.py', import.meta.url));
const [VNI, VXLAN] = [7_777_777, 4789];
const SIDES = [1, 2] as const;
const UNDERLAY = 6;
/** 1500 less WireGuard and VXLAN, both over IPv6. */
const MTU = 1350;

/** What packets carry, as pings and eavesdroppers are told it. */
const WORD = 'plain!';
const FORGED = 'forged';

interface Heard {
  readonly wireguard: number;
  readonly vxlan: number;
  readonly clear: number;
}

function other(which: Side): Side {
  return which === 1 ? 2 : 1;
}

function record(which: Side): HostRecord {
  return { id: `0000000${which}`, name: `h${which}`, address: vtep(which, UNDERLAY), mtu: 1500, reaches: [], wireguard: { publicKey: requireKeyFile(keyFile(which)), port: 4795 } };
}

function keyFile(which: Side): string {
  return `/run/wireguard${which}.key`;
}

/** What the driver wants on one of two hosts, in the namespace that plays it. */
function wanted(which: Side, encrypted: boolean): { readonly links: LinkState[]; readonly facts: readonly Fact[] } {
  const [self, peer] = [record(which), record(other(which))];
  const subnet = { subnet: '10.7.0.0/24', gateway: '10.7.0.1', auxiliary: {} };
  const settled = { vni: String(VNI), mtu: String(MTU) };
  const network = overlayDriver().open({ id: 'a'.repeat(64), name: 'blue', internal: false, ipv4: [subnet], ipv6: [], options: { encrypted: String(encrypted) }, settled }, () => 'test', 'test shared');
  const tunnel = new ClusterTunnel();
  tunnel.recall({ clusterId: 'c', instanceId: 'i', address: self.address, tunnel: { keyFile: keyFile(which), publicKey: '', port: 0, ...self.wireguard, mtu: 1500 } }, self.id);
  tunnel.follow([peer]);
  const ends = tunnel.ends(network, self.address);
  const { mac } = side(other(which));
  const host = ends.of(peer) ?? '';
  const reach = { local: ends.local, ...(ends.tunnel === undefined ? {} : { tunnel: ends.tunnel }), others: { hosts: [host], endpoints: [{ mac, addresses: [side(other(which))[4]], host }] } };
  const attachment = { namespace: `/run/netns/${side(which).sandbox}`, interface: 'eth0', handedOver: false };
  const own = network.endpoint({ id: side(which).sandbox.padEnd(64, '0'), mac: side(which).mac, ipv4: `${side(which)[4]}/24`, options: {}, succeeds: false, gatewayFor: [], ports: [], attachment });
  const all = [network.wanted(reach), own];
  const links = all.flatMap((state) => state.links).map((link) => (link.namespace === HOST ? { ...link, namespace: `/run/netns/${side(which).host}` } : link));
  return { links, facts: [...all.flatMap(({ facts }) => facts), ...tunnelChange({ peers: [peer.address], tunnel: tunnel.state, others: [] }, links).wanted.facts] };
}

async function setRules(which: Side, facts: readonly Fact[]): Promise<void> {
  for (const op of nftBackend('0a1b2c3d').rebuild(facts)) await run(['ip', 'netns', 'exec', side(which).host, 'nft', '-f', '-'], { input: op.op === 'nft' ? op.script : '' });
}

/** What passes a link while something is done. */
async function overheard(enter: readonly string[], link: string, task: () => Promise<void>, word = WORD): Promise<Heard> {
  const [file = '', ...args] = [...enter, 'python3', EAVESDROPPER, link, word, '4795', String(VXLAN)];
  const ears = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  ears.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  try {
    while (!said.includes('listening')) await once(ears.stdout, 'data');
    await task();
    ears.stdin.end();
    await once(ears, 'close');
    return JSON.parse(said.slice(said.indexOf('{'))) as Heard;
  } finally {
    ears.kill('SIGKILL');
  }
}

/** How many of some pings are answered. */
async function answered(enter: readonly string[], address: string, count = 3): Promise<number> {
  const words = ['ping', '-n', '-c', String(count), '-i', '0.2', '-W', '5', '-s', '200', '-p', Buffer.from(WORD).toString('hex'), address];
  const { stdout } = await run([...enter, ...words], { allowFail: true });
  return Number(/(\d+) received/.exec(stdout)?.[1] ?? 0);
}

const pings = (count?: number): Promise<number> => answered(inNamespace(side(1).sandbox), side(2)[4], count);

function inNamespace(name: string): readonly string[] {
  return ['ip', 'netns', 'exec', name];
}

/** An endpoint, as its host shows it. */
interface Endpoint {
  readonly host: LabHost;
  readonly sandbox: string;
  readonly mac: string;
  readonly address: string;
  /** Of its host inside the tunnel. */
  readonly inner: string;
}

async function attach(host: LabHost, sandbox: string): Promise<Endpoint> {
  await host.netctl.ok('sandbox', 'create', '--network', 'blue', sandbox);
  const [shown] = await host.netctl.json<{ readonly endpoints: readonly { readonly ipv4: string; readonly mac: string }[] }[]>('sandbox', 'inspect', sandbox);
  const { mac = '', ipv4 = '' } = shown?.endpoints[0] ?? {};
  return { host, sandbox, mac, address: ipv4.split('/')[0] ?? '', inner: await host.host.sh("ip -o -6 addr show scope global | sed -n 's,.* wg-[^ ]* *inet6 \\([^/]*\\)/.*,\\1,p'") };
}

/** What a host of the cluster would send if it did not encrypt, from one endpoint to another; RFC 7348 §5. */
function clearText(from: Endpoint, to: Endpoint, vni: number, hosts: readonly [from: string, to: string]): string[] {
  const header = Buffer.from([8, 0, 0, 0, vni >> 16, (vni >> 8) & 0xff, vni & 0xff, 0]);
  const [inner = Buffer.alloc(0)] = frames({ from: from.address, to: to.address, port: 9, text: FORGED }, to.mac, from.mac);
  const datagram = { from: hosts[0], to: hosts[1], port: VXLAN, text: Buffer.concat([header, inner]) };
  const [near, far] = [to, from].map(({ host }) => `02:00:5e:10:00:${host.host.address4.split('.')[3] ?? ''}`);
  return frames(datagram, near ?? '', far ?? '').map((frame) => frame.toString('hex'));
}

const SENDER = "import socket, sys\nlink = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\nlink.bind(('lan0', 0))\nfor frame in sys.argv[1:]: link.send(bytes.fromhex(frame))";

// That clear text is refused is tried on any kernel: kernel/firewall-encrypted.test.ts
inVirtualMachine(import.meta.filename, () => {
  describe('an encrypted network of two hosts', () => {
    let kernel: Kernel;
    let pair: OverlayPair;

    before(async function () {
      kernel = await openKernel();
      if (!(await kernel.knownLinkKinds(['wireguard'])).includes('wireguard')) skip(this, 'kernel module wireguard');
      pair = new OverlayPair(kernel);
      await pair.start(UNDERLAY);
    });

    after(async () => {
      await pair?.[Symbol.asyncDispose]();
      await kernel[Symbol.asyncDispose]();
    });

    async function make(encrypted: boolean): Promise<readonly string[]> {
      const done: string[] = [];
      for (const which of SIDES) {
        const { links, facts } = wanted(which, encrypted);
        await setRules(which, facts);
        done.push(...(await pair.converge(which, links)).map(({ op }) => op));
      }
      return done;
    }

    const answers = async (): Promise<void> => assert.equal(await eventually(() => pings(), (count) => count === 3), 3);

    it('is told from others on the underlay: only WireGuard’s packets, and not a word in clear text', async () => {
      await make(false);
      await answers();
      const clear = await overheard(inNamespace('host2'), 'under', answers);
      assert.ok(clear.clear >= 6 && clear.vxlan >= 6 && clear.wireguard === 0, JSON.stringify(clear));
      const hidden = await overheard(inNamespace('host2'), 'under', async () => {
        await make(true);
        await answers();
      });
      assert.ok(hidden.wireguard >= 6, JSON.stringify(hidden));
      assert.deepEqual([hidden.clear, hidden.vxlan], [0, 0]);
    });

    it('has nothing to do when it is looked at again, and loses nothing meanwhile', async () => {
      const [count, done] = await Promise.all([pings(20), make(true)]);
      assert.deepEqual([count, done], [20, []]);
    });

    it('carries packets up to its MTU in one piece', async () => {
      const sent = async (size: number): Promise<number | undefined> => (await run(['ip', 'netns', 'exec', 'box1', 'ping', '-n', '-c', '1', '-W', '5', '-M', 'do', '-s', String(size), side(2)[4]], { allowFail: true })).code;
      assert.equal(await sent(MTU - 28), 0);
      assert.notEqual(await sent(MTU - 27), 0);
    });

    it('sends nothing while its tunnel is gone, and has it back', async () => {
      const heard = await overheard(inNamespace('host2'), 'under', async () => {
        const link = wanted(1, true).links.find(({ type }) => type === 'wireguard');
        await inside('host1', 'ip', 'link', 'del', link?.name ?? '');
        assert.equal(await pings(), 0);
        assert.ok((await make(true)).includes('wireguard-peer-set'));
        await answers();
      });
      assert.deepEqual([heard.clear, heard.vxlan], [0, 0]);
    });

    it('takes another key of a host, and goes on', async () => {
      rmSync(keyFile(1));
      assert.deepEqual(await make(true), ['wireguard-set', 'wireguard-peer-delete', 'wireguard-peer-set']);
      await answers();
    });
  });

  describe('an encrypted network of two hosts with a daemon each', () => {
    let lab: MultiHostLab;
    let a: Endpoint;
    let b: Endpoint;

    before(async function () {
      lab = await MultiHostLab.start(this, 2, ['--docker-plugins', 'none']);
      await lab.host(1).netctl.ok('network', 'create', '-d', 'overlay', '-o', 'encrypted', '-o', `tsoverlay.vni=${String(VNI)}`, '--subnet', '10.7.0.0/24', 'blue');
      a = await attach(lab.host(1), 'a');
      await eventually(() => lab.host(2).netctl.ok('network', 'ls'), (list) => list.includes('blue'));
      b = await attach(lab.host(2), 'b');
    });

    after(() => lab?.[Symbol.asyncDispose]());

    const answers = async (): Promise<void> => assert.equal(await eventually(() => answered(a.host.host.netns('a').enter, b.address), (count) => count === 3), 3);
    /** How many clear-text packets that seem to come from the other host, by its addresses inside and outside of the tunnel, get to a sandbox. */
    const intruders = async (): Promise<number> => {
      const sent = [[a.inner, b.inner], [a.host.host.address6, b.host.host.address6], [a.host.host.address4, b.host.host.address4]] as const;
      const heard = await overheard(b.host.host.netns('b').enter, 'eth0', async () => {
        await lab.lan.exec(['python3', '-c', SENDER, ...sent.flatMap((hosts) => clearText(a, b, VNI, hosts))]);
        // By then all of it has come that comes.
        assert.equal(await answered(b.host.host.enter, b.address), 3);
      }, FORGED);
      return heard.clear;
    };

    it('is told from others on the underlay: only WireGuard’s packets, and not a word in clear text', async () => {
      await answers();
      const heard = await overheard(lab.lan.enter, 'lan0', answers);
      assert.ok(heard.wireguard >= 6, JSON.stringify(heard));
      assert.deepEqual([heard.clear, heard.vxlan], [0, 0]);
    });

    it('goes on when the key file of a host is removed and its daemon restarted', async () => {
      const key = (): Promise<string> => lab.host(1).host.sh('cat /var/lib/netctl/wireguard.key');
      const before = await key();
      await lab.host(1).host.sh('rm /var/lib/netctl/wireguard.key');
      await lab.restartDaemon(lab.host(1), ['--docker-plugins', 'none']);
      assert.notEqual(await key(), before);
      await answers();
    });

    it('takes no clear text from who seems to be its other host, which is the packet filter’s doing', async () => {
      assert.equal(await intruders(), 0);
      const { host, daemon } = lab.host(2);
      await daemon.kill('SIGKILL');
      await host.sh('nft flush ruleset');
      assert.ok((await intruders()) > 0);
    });
  });
});
