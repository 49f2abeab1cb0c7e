import assert from 'node:assert/strict';
import { parseAddress, withoutLength } from '../../src/common/address.ts';
import { contains, parseCidr } from '../../src/common/cidr.ts';
import { ClusterLab, type ModelHost } from '../support/cluster-lab.ts';
import { eventually } from '../support/eventually.ts';
import { rejects } from '../support/refusal.ts';

describe('networks that span hosts, when something goes amiss', () => {
  let lab: ClusterLab;
  let one: ModelHost;
  let two: ModelHost;
  let three: ModelHost;

  beforeEach(async () => {
    lab = await new ClusterLab().open(3);
    [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)];
  });

  afterEach(() => lab[Symbol.asyncDispose]());

  const everywhere = (name: string): Promise<void> => lab.eventually(() => lab.hosts.every(({ controller }) => controller.networks().some((network) => network.name === name)), `network ${name} everywhere`);
  const nowhere = (name: string): Promise<void> => lab.eventually(() => lab.hosts.every(({ controller }) => controller.networks().every((network) => network.name !== name)), `network ${name} nowhere`);

  it('are on all hosts or on none after the daemon that made one was killed', async () => {
    const begin = (name: string, subnet: string): void => void one.controller.createNetwork({ name, driver: 'overlay', subnets: [subnet] }).catch(() => {});
    const begun = (name: string): Promise<void> => lab.eventually(() => one.controller.networks().some((network) => network.name === name), `network ${name} at its host`);
    one.shared.isSilent = true;
    begin('blue', '10.1.0.0/24');
    await begun('blue');
    await one.crash();
    await two.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.9.0.0/24'] });
    await one.up();
    await lab.eventually(() => lab.hosts.every(({ controller }) => controller.networks().find(({ name }) => name === 'blue')?.ipv4[0]?.subnet === '10.9.0.0/24'), 'the other one');
    // This time the others hear of it, and the answer is lost.
    const { shared } = one;
    const commit = shared.commit.bind(shared);
    shared.commit = async (changes, options) => {
      await commit(changes, options);
      return new Promise(() => {});
    };
    begin('red', '10.2.0.0/24');
    await begun('red');
    await lab.eventually(() => two.controller.networks().some(({ name }) => name === 'red'), 'network red elsewhere');
    await one.crash();
    await one.up();
    await lab.eventually(() => one.controller.cluster().hosts.length === 3);
    await one.controller.createSandbox({ name: 's', networks: [{ network: 'red' }] });
    await one.controller.removeSandbox('s');
    await one.controller.removeNetwork('red');
    await nowhere('red');
  });

  it('answer what others ask for though the kernel refuses what is told at the same time', async () => {
    const { id: networkId } = await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
    await everywhere('blue');
    await one.controller.createSandbox({ name: 'a', networks: [{ network: 'blue', ipv4: '10.1.0.2' }] });
    const hostId = '000000ee';
    one.kernel.failOn(({ op }) => op === 'fdb-add', { times: Infinity });
    const claim = `claim/${networkId}/10.1.0.7`;
    await lab.servers.commit([
      { key: `host/${hostId}`, value: { id: hostId, name: 'other', address: '192.0.2.66', mtu: 1500, reaches: [] } },
      { key: `endpoint/${networkId}/${'e'.repeat(64)}`, value: { id: 'e'.repeat(64), networkId, hostId, mac: '02:00:00:00:00:0e', ipv4: '10.1.0.99/24', names: ['e'], services: [] } },
      { key: claim, value: { networkId, address: '10.1.0.7', hostId } },
    ]);
    await lab.eventually(() => lab.servers.log.some(({ events }) => events.some(({ key, value }) => key === claim && (value as { answer?: string } | undefined)?.answer === 'granted')), 'an answer');
    assert.match(one.warnings.join(), /the cluster is not followed/);
  });

  it('reach what came with a host that the kernel would not let in at first', async () => {
    const { id: networkId } = await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
    await everywhere('blue');
    await one.controller.createSandbox({ name: 'a', networks: [{ network: 'blue' }] });
    const [hostId, id] = ['000000ee', 'e'.repeat(64)];
    one.kernel.failOn((op) => op.op === 'nft' && op.script.includes('192.0.2.66'), { times: 2 });
    await lab.servers.commit([
      { key: `host/${hostId}`, value: { id: hostId, name: 'other', address: '192.0.2.66', mtu: 1500, reaches: [] } },
      { key: `endpoint/${networkId}/${id}`, value: { id, networkId, hostId, mac: '02:00:00:00:00:0e', ipv4: '10.1.0.99/24', names: ['e'], services: [] } },
    ]);
    await lab.eventually(() => one.warnings.some((warning) => warning.includes('the cluster is not followed')), 'a refusal');
    await one.controller.reconcile();
    await lab.eventually(() => one.kernel.ops.some((op) => op.op === 'fdb-add' && op.mac === '02:00:00:00:00:0e'), 'a way to it');
    assert.ok(one.kernel.ops.some((op) => op.op === 'nft' && op.script.includes('192.0.2.66')));
  });

  describe('whose blocks the store has forgotten, as one restored from an older backup has', () => {
    const blocks = async (host: ModelHost): Promise<string[]> => (await lab.servers.store.list('block/')).entries.flatMap(({ value }) => {
      const { block, hostId } = value as { block: string; hostId: string };
      return hostId === host.record.id ? [block] : [];
    });
    const forget = async (): Promise<void> => {
      const { entries } = await lab.servers.store.list('block/');
      await lab.servers.commit(entries.filter(({ value }) => (value as { hostId: string }).hostId === one.record.id).map(({ key }) => ({ key })));
    };

    beforeEach(async () => {
      await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
      await everywhere('blue');
      await one.controller.createSandbox({ name: 'a', networks: [{ network: 'blue', ipv4: '10.1.0.2' }] });
    });

    it('have them written down again, while their host runs and when it comes back', async () => {
      const before = await blocks(one);
      assert.notDeepEqual(before, []);
      const there = async (): Promise<void> => assert.deepEqual(await eventually(() => blocks(one), (now) => now.join() === before.join()), before);
      await forget();
      await there();
      await one.down();
      await forget();
      await one.up();
      await there();
    });

    it('give nothing of what another host has taken since, and say which address is in two hands', async () => {
      await one.down();
      await forget();
      // By then it has heard of what came before.
      await two.controller.createNetwork({ name: 'red', driver: 'overlay', subnets: ['10.2.0.0/24'] });
      await two.controller.createSandbox({ name: 'b', networks: [{ network: 'blue', ipv4: '10.1.0.3' }] });
      await one.up();
      await lab.eventually(() => one.warnings.some((warning) => /^10\.1\.0\.0\/\d+ of network 'blue' is another host's by now/.test(warning)), 'a warning');
      const { endpoints } = await one.controller.createSandbox({ name: 'c', networks: [{ network: 'blue' }] });
      const given = parseAddress(withoutLength(endpoints[0]?.ipv4 ?? ''));
      assert.ok((await blocks(one)).some((block) => contains(parseCidr(block), given)), endpoints[0]?.ipv4 ?? '');
      assert.match((await one.controller.diagnose()).map(({ message }) => message).join('\n'), /endpoint 'a' of network 'blue' has 10\.1\.0\.2, which the cluster’s store does not give to this host any more/);
    });
  });

  it('give no MAC address by which an endpoint on another host is known, as long as it is there', async () => {
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
    await everywhere('blue');
    const withMac = (host: ModelHost, name: string): ReturnType<ModelHost['controller']['createSandbox']> => host.controller.createSandbox({ name, networks: [{ network: 'blue', mac: '02-00-00-00-00-0A' }] });
    await withMac(one, 'a');
    await lab.eventually(() => two.controller.network('blue').remoteEndpoints?.length === 1);
    await rejects(withMac(two, 'b'), 'EXISTS', /^MAC address 02:00:00:00:00:0a is that of 'a' on host 'h1' in network 'blue': choose another, or leave it out$/);
    await one.controller.removeSandbox('a');
    await lab.eventually(() => two.controller.network('blue').remoteEndpoints?.length === 0);
    await withMac(two, 'b');
  });

  it('are told of where hosts come to have a smaller MTU than they were made for', async () => {
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] });
    await everywhere('blue');
    assert.deepEqual(one.controller.cluster().problems, []);
    await three.down();
    Object.assign(three.record, { mtu: 1400 });
    await three.up();
    await lab.eventually(() => lab.hosts.every(({ controller }) => controller.cluster().problems.length > 0));
    for (const { controller } of lab.hosts) {
      assert.deepEqual(controller.cluster().problems, [
        "network 'blue' has packets of 1450 bytes, and for more than 1350 the way to and from 'h3' (MTU 1400) is too narrow: they are lost; raise the MTU of the link there and restart that daemon, or make the network again with -o com.docker.network.driver.mtu=1350",
      ]);
    }
    assert.equal((await two.controller.createNetwork({ name: 'red', driver: 'overlay', subnets: ['10.2.0.0/24'] })).mtu, 1350);
    assert.equal(two.controller.cluster().problems.length, 1);
  });
});
