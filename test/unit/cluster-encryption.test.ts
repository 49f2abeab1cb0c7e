import assert from 'node:assert/strict';
import { tunnelAddress } from '../../src/cluster/tunnel-address.ts';
import type { HostRecord } from '../../src/cluster/records.ts';
import type { LinkSnapshot } from '../../src/kernel/snapshot.ts';
import type { WireguardSnapshot } from '../../src/kernel/wireguard-state.ts';
import { HOST } from '../../src/kernel/op.ts';
import { ClusterLab, type ModelHost } from '../support/cluster-lab.ts';
import { rejects } from '../support/refusal.ts';

const NETWORK = { name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'], options: { encrypted: '' } };

function publicKey(number: number): string {
  return Buffer.alloc(32, number).toString('base64');
}

function withKey(number: number): Partial<HostRecord> {
  return { wireguard: { publicKey: publicKey(number), port: 4790 + number } };
}

describe('encrypted networks', () => {
  let lab: ClusterLab;
  let one: ModelHost;
  let two: ModelHost;
  let three: ModelHost;

  afterEach(() => lab[Symbol.asyncDispose]());

  async function open(changes: (number: number) => Partial<HostRecord>): Promise<void> {
    lab = await new ClusterLab().open(3, changes);
    [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)];
  }

  const inside = ({ record, shared }: ModelHost): string => tunnelAddress(`${shared.clusterId}-${shared.instanceId}`, record.id);
  const link = ({ kernel, controller }: ModelHost): string | undefined => kernel.model.links().find(({ name }) => name === `wg-${controller.instance}`)?.name;
  const keys = (host: ModelHost): WireguardSnapshot | undefined => host.kernel.model.tables({ namespace: HOST, link: link(host) ?? '', forwarding: false, neighbours: false, wireguard: true })?.wireguard;
  const peers = (host: ModelHost): (string | undefined)[] => (keys(host)?.peers ?? []).map((peer) => peer.publicKey).toSorted();
  const vxlan = ({ kernel }: ModelHost): LinkSnapshot['vxlan'] => kernel.model.links().find(({ kind }) => kind === 'vxlan')?.vxlan;
  const destinations = ({ kernel }: ModelHost): string[] =>
    [...new Set(kernel.model.links().flatMap(({ forwarding }) => forwarding.flatMap((entry) => ('destination' in entry ? [entry.destination] : []))))].toSorted();
  const here = (name: string, hosts: readonly ModelHost[] = lab.hosts): Promise<void> => lab.eventually(() => hosts.every(({ controller }) => controller.networks().some((network) => network.name === name)), `network ${name}`);

  it('have a tunnel to every host, and know the others by their addresses in it', async () => {
    await open(withKey);
    const { mtu } = await one.controller.createNetwork(NETWORK);
    await here('blue');
    // 1500 less WireGuard over IPv4 and VXLAN over IPv6.
    assert.equal(mtu, 1370);
    await lab.eventually(() => lab.hosts.every((host) => peers(host).length === 2), 'tunnels');
    assert.deepEqual(keys(one), {
      publicKey: publicKey(1),
      port: 4791,
      peers: [two, three].map((host) => ({ publicKey: host.record.wireguard?.publicKey ?? '', endpoint: { address: host.record.address, port: host.record.wireguard?.port ?? 0 }, allowed: [`${inside(host)}/128`] })),
    });
    assert.equal(new Set(lab.hosts.map(inside)).size, 3);
    for (const host of lab.hosts) assert.equal(vxlan(host)?.local, inside(host));
    for (const [index, host] of lab.hosts.entries()) await host.controller.createSandbox({ name: `s${String(index)}`, networks: [{ network: 'blue' }] });
    await lab.eventually(() => destinations(one).length === 2);
    assert.deepEqual(destinations(one), [inside(two), inside(three)].toSorted());
    // Nothing of it is known by an address of the underlay.
    assert.equal(lab.hosts.flatMap(destinations).filter((address) => address.startsWith('192.0.2.')).length, 0);
  });

  it('forbid clear text before their links come, and as long as they are there', async () => {
    await open(withKey);
    await one.controller.createNetwork({ ...NETWORK, options: { 'tsoverlay.encrypted': 'true', 'tsoverlay.vni': '77' } });
    const rule = one.kernel.ops.findIndex((op) => op.op === 'nft' && op.script.includes('encrypted { 4789 . 77 }'));
    const made = one.kernel.ops.findIndex((op) => op.op === 'link-add' && op.kind.type === 'vxlan');
    assert.ok(rule >= 0 && rule < made, `${String(rule)} ${String(made)}`);
    one.kernel.clear();
    await one.controller.removeNetwork('blue');
    const gone = one.kernel.ops.findIndex((op) => op.op === 'link-delete' && op.name.startsWith('vx-'));
    const opened = one.kernel.ops.findIndex((op) => op.op === 'nft' && /delete table|delete element.*encrypted/.test(op.script));
    assert.ok(gone >= 0 && gone < opened, `${String(gone)} ${String(opened)}`);
    assert.equal(link(one), undefined);
  });

  it('share one tunnel, which comes with the first and goes with the last', async () => {
    await open(withKey);
    for (const [index, name] of ['blue', 'red', 'clear'].entries()) await one.controller.createNetwork({ name, driver: 'overlay', subnets: [`10.${String(index)}.0.0/24`], options: name === 'clear' ? {} : { encrypted: 'true' } });
    await here('clear');
    const made = (): number => one.kernel.ops.filter((op) => op.op === 'link-add' && op.kind.type === 'wireguard').length;
    assert.equal(made(), 1);
    await one.controller.removeNetwork('blue');
    assert.notEqual(link(one), undefined);
    await one.controller.removeNetwork('red');
    await lab.eventually(() => lab.hosts.every((host) => link(host) === undefined), 'the end of tunnels');
    assert.equal(made(), 1);
  });

  it('are the same after a restart: nothing is done to the tunnel, nor without the servers', async () => {
    await open(withKey);
    await one.controller.createNetwork(NETWORK);
    await here('blue');
    await lab.eventually(() => peers(two).length === 2);
    await two.down();
    two.shared.cut(true);
    two.kernel.clear();
    await two.up();
    assert.deepEqual(two.kernel.ops.flatMap((op) => (op.op === 'nft' || op.op === 'iptables-restore' ? [] : [op.op])), []);
    const scripts = two.kernel.ops.flatMap((op) => (op.op === 'nft' ? [op.script] : []));
    // What the rules forbid and what they admit come in one.
    assert.deepEqual(scripts.filter((script) => script.includes(' encrypted {')).map((script) => [`tunnel_links { "wg-${two.record.id}" }`, 'encrypted_ports { 4792 }', inside(one)].every((text) => script.includes(text))), [true]);
    two.shared.cut(false);
  });

  it('take a host’s new key, and forget a host that is gone', async () => {
    await open(withKey);
    await one.controller.createNetwork(NETWORK);
    await here('blue');
    await lab.eventually(() => peers(one).length === 2);
    await three.down();
    Object.assign(three.record, withKey(9));
    await three.up();
    await lab.eventually(() => peers(one).includes(publicKey(9)) && peers(two).includes(publicKey(9)), 'the new key');
    assert.deepEqual(peers(one), [publicKey(2), publicKey(9)].toSorted());
    assert.equal(keys(three)?.publicKey, publicKey(9));
  });

  it('have peers again that somebody removed, of which doctor has one sentence', async () => {
    await open(withKey);
    await one.controller.createNetwork(NETWORK);
    await lab.eventually(() => peers(one).length === 2);
    for (const number of [2, 3]) await one.kernel.apply([{ op: 'wireguard-peer-delete', namespace: HOST, link: link(one) ?? '', publicKey: publicKey(number) }]);
    const found = (await one.controller.diagnose()).filter(({ message }) => message.includes('keys and peers'));
    assert.deepEqual(found.map(({ message }) => message), [`link ${link(one) ?? ''} has not the keys and peers that it should have`]);
    await one.controller.reconcile();
    assert.equal(peers(one).length, 2);
  });

  it('leave out a host that has no key, and say so', async () => {
    await open((number) => (number === 3 ? {} : withKey(number)));
    await one.controller.createNetwork(NETWORK);
    await here('blue', [one, two]);
    await lab.eventually(() => peers(one).length === 1);
    assert.deepEqual(peers(one), [publicKey(2)]);
    assert.match(one.controller.cluster().problems.join(), /host 'h3' takes no part in encrypted networks: its kernel has no WireGuard \(modprobe wireguard, then restart its daemon\), or its daemon is older/);
    await lab.eventually(() => three.warnings.length > 0);
    assert.match(three.warnings.join(), /network 'blue' of the cluster cannot be had here: an encrypted network needs a key of each host, and this one has none/);
    assert.equal(vxlan(three), undefined);
    await rejects(three.controller.createNetwork({ ...NETWORK, name: 'red', subnets: ['10.2.0.0/24'] }), 'UNSUPPORTED', /needs a key of each host/);
  });

  it('are not had where the kernel has no WireGuard, with the reason; nothing is half made', async () => {
    await open(withKey);
    two.kernel.lackingKinds.add('wireguard');
    await one.controller.createNetwork(NETWORK);
    await lab.eventually(() => two.warnings.length > 0);
    assert.match(two.controller.cluster().problems.join(), /network 'blue' of the cluster cannot be had here: an encrypted network needs WireGuard, and this kernel has none: 'modprobe wireguard' says why/);
    assert.deepEqual(two.kernel.model.links(), []);
    await rejects(two.controller.createNetwork({ ...NETWORK, name: 'red', subnets: ['10.2.0.0/24'] }), 'UNSUPPORTED', /leave the option encrypted out/);
    await two.controller.createNetwork({ name: 'red', driver: 'overlay', subnets: ['10.2.0.0/24'], options: { encrypted: 'false' } });
  });
});
