import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { MacSource } from '../../drivers/driver.ts';
import { NetworkError } from '../../src/common/error.ts';
import type { NetworkRequest } from '../../src/controller/requests.ts';
import { PrivateHost } from '../support/host.ts';
import { difference, type MachineState } from '../support/machine-state.ts';
import type { Place } from '../support/place.ts';
import { RemoteController } from '../support/remote-controller.ts';

/** What tells one driver's networks from another's. */
export interface DriverUnderTest {
  readonly name: string;
  /** A network of this driver; `index` tells several apart. */
  readonly network: (index: number) => NetworkRequest;
  /** Whether endpoints reach each other by their addresses. */
  readonly connects: boolean;
  /** Where endpoints have their MAC addresses from. Default `own`. */
  readonly macs?: MacSource;
  /** Where it is tried. Default: a private host, with a controller in a process of its own. */
  readonly lab?: DriverLab;
  /** How many rows of random steps, each with several starts of a controller. Default 6. */
  readonly runs?: number;
  /** The longest of them. Default 14 steps. */
  readonly steps?: number;
}

/** A host, and controllers on it one after the other. */
export interface DriverLab {
  readonly start: () => Promise<DriverHost>;
  readonly open: (host: DriverHost) => Promise<DriverController>;
}

type DriverHost = Place & AsyncDisposable & { snapshot(): Promise<MachineState> };
type DriverController = Pick<RemoteController, 'controller' | 'kill9' | typeof Symbol.asyncDispose>;

const PRIVATE: DriverLab = { start: () => PrivateHost.start(), open: (host) => RemoteController.start(host) };

const KERNEL = ['links', 'namespaces', 'routes', 'rules', 'mounts', 'sysctls'];
const NETWORKS = [0, 1, 2] as const;
const SANDBOXES = ['one', 'two', 'three'] as const;

type Step =
  | { readonly do: 'create-network' | 'remove-network'; readonly network: number }
  | { readonly do: 'create-sandbox' | 'remove-sandbox'; readonly sandbox: string }
  | { readonly do: 'connect' | 'disconnect'; readonly network: number; readonly sandbox: string }
  | { readonly do: 'kill' };

/** The behaviour that every driver must show; one suite for all of them. */
export function describeDriver(driver: DriverUnderTest): void {
  describe(`driver ${driver.name}: what every driver does`, () => {
    const lab = driver.lab ?? PRIVATE;
    let host: DriverHost;
    let remote: DriverController;
    let clean: MachineState;

    before(async () => {
      host = await lab.start();
      clean = await host.snapshot();
      remote = await lab.open(host);
    });

    after(async () => {
      await remote[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
    });

    afterEach(async () => {
      await removeAll();
      assert.deepEqual(difference(clean, await host.snapshot(), [...KERNEL, 'nftables', 'iptables-legacy', 'ip6tables-legacy', 'sockets']), []);
    });

    it('gives an endpoint its address, MAC and MTU, and takes everything away again', async () => {
      const network = await remote.controller.createNetwork(driver.network(0));
      const sandbox = await remote.controller.createSandbox({ name: 'one', networks: [{ network: network.name }] });
      const [endpoint] = sandbox.endpoints;
      const link = JSON.parse(await host.sh('ip -n one -j addr show dev eth0')) as { address: string; mtu: number; addr_info: { local: string; prefixlen: number }[] }[];
      assert.equal((driver.macs ?? 'own') === 'own' ? link[0]?.address : '', endpoint?.mac);
      assert.equal(link[0]?.mtu, network.mtu);
      const addresses = link[0]?.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`) ?? [];
      for (const address of [endpoint?.ipv4, endpoint?.ipv6]) if (typeof address === 'string') assert.ok(addresses.includes(address), address);
      await remote.controller.disconnect('one', network.name);
      assert.equal(await host.sh('ip -n one -br link | grep -v "^lo\\|^gone" || true'), '');
    });

    it('keeps a given MAC and address, and refuses one that is taken', async () => {
      const network = await remote.controller.createNetwork(driver.network(0));
      const [subnet] = network.ipv4;
      const wanted = (subnet?.subnet ?? '').replace(/0\/\d+$/, '77');
      await remote.controller.createSandbox({ name: 'one', networks: [{ network: network.name, ipv4: wanted, ...(driver.macs === 'shared' ? {} : { mac: '02:00:00:00:00:77' }) }] });
      assert.match(await host.sh('ip -n one addr show dev eth0'), new RegExp(`${driver.macs === 'shared' ? '' : '02:00:00:00:00:77'}[^]*inet ${wanted.replaceAll('.', '\\.')}/`));
      // A parent whose MAC address is handed on has room for one.
      await assert.rejects(remote.controller.createSandbox({ name: 'two', networks: [{ network: network.name, ipv4: wanted }] }), { code: driver.macs === 'inherited' ? 'IN_USE' : 'EXISTS' });
    });

    it('refuses to remove a network in use, and to connect twice', async () => {
      const network = await remote.controller.createNetwork(driver.network(0));
      await remote.controller.createSandbox({ name: 'one', networks: [{ network: network.name }] });
      await assert.rejects(remote.controller.removeNetwork(network.name), { code: 'IN_USE' });
      await assert.rejects(remote.controller.connect('one', { network: network.name }), { code: 'EXISTS' });
    });

    if (driver.connects) {
      it('connects endpoints of one network and no others', async () => {
        const [first, second] = [await remote.controller.createNetwork(driver.network(0)), await remote.controller.createNetwork(driver.network(1))];
        const one = await remote.controller.createSandbox({ name: 'one', networks: [{ network: first.name }] });
        await remote.controller.createSandbox({ name: 'two', networks: [{ network: first.name }] });
        await remote.controller.createSandbox({ name: 'three', networks: [{ network: second.name }] });
        const address = (one.endpoints[0]?.ipv4 ?? '').split('/')[0] ?? '';
        const reaches = async (from: string): Promise<boolean> => (await host.netns(from).exec(['ping', '-c1', '-W1', address], { allowFail: true })).code === 0;
        assert.deepEqual([await reaches('two'), await reaches('three')], [true, false]);
      });
    }

    if (driver.runs !== 0) it('is after any steps, crashes included, what a fresh build from the same records is', async function () {
      await fc.assert(
        fc.asyncProperty(fc.array(step(), { minLength: 4, maxLength: driver.steps ?? 14 }), async (steps) => {
          for (const one of steps) await take(one);
          await settled();
          const grown = await kernelState();
          await remote.kill9();
          await wipe();
          remote = await lab.open(host);
          await settled();
          assert.deepEqual(difference(grown, await kernelState(), [...KERNEL, 'nftables']), []);
          await removeAll();
        }),
        { numRuns: driver.runs ?? Number(process.env['NETCTL_TEST_RUNS'] ?? 6), endOnFailure: true },
      );
    });

    async function take(one: Step): Promise<void> {
      const { controller } = remote;
      try {
        switch (one.do) {
          case 'create-network':
            return void (await controller.createNetwork(driver.network(one.network)));
          case 'remove-network':
            return await controller.removeNetwork(driver.network(one.network).name);
          case 'create-sandbox':
            return void (await controller.createSandbox({ name: one.sandbox, ports: [{ protocol: 'tcp', containerPort: 80, hostPort: 8000 + one.sandbox.length }] }));
          case 'remove-sandbox':
            return await controller.removeSandbox(one.sandbox);
          case 'connect':
            return void (await controller.connect(one.sandbox, { network: driver.network(one.network).name }));
          case 'disconnect':
            return await controller.disconnect(one.sandbox, driver.network(one.network).name);
          case 'kill':
            await remote.kill9();
            remote = await lab.open(host);
        }
      } catch (error) {
        // Steps that make no sense at the moment are refused; a refusal by the kernel would be a defect.
        if (!(error instanceof NetworkError) || ['KERNEL', 'INTERNAL', 'UNAVAILABLE', 'CORRUPT'].includes(error.code)) throw error;
      }
    }

    async function removeAll(): Promise<void> {
      for (const { name } of await remote.controller.sandboxes()) await remote.controller.removeSandbox(name);
      for (const { name } of await remote.controller.networks()) await remote.controller.removeNetwork(name);
    }

    /** Links that wait for the reaper are gone when a removal of a network has returned. */
    async function settled(): Promise<void> {
      await remote.controller.createNetwork({ name: 'settle', subnets: ['10.255.255.0/28'] });
      await remote.controller.removeNetwork('settle');
    }

    async function kernelState(): Promise<MachineState> {
      const state = new Map(await host.snapshot());
      // Elements of a hash set are listed in no particular order, many to a line.
      state.set('nftables', (state.get('nftables') ?? []).flatMap((line) => line.split(/[,{}]/)).map((part) => part.trim().replace(/^elements = ?/, '')).filter((part) => part !== '').toSorted());
      state.set('mounts', (state.get('mounts') ?? []).map((line) => line.replace(/net:\[\d+\]/, 'net')).toSorted());
      state.set('links', (state.get('links') ?? []).map((line) => line.replaceAll(/ (link\/ether|port_id|port_no|designated_port|designated_root|root_id|link-netnsid) [^ ]+/g, '')).toSorted());
      // A bridge gets its link-local address when it first has a carrier, not when it is made.
      for (const section of ['links', 'routes']) state.set(section, (state.get(section) ?? []).filter((line) => !/fe80::|ff00::|anycast/.test(line)));
      return state;
    }

    /** As after a power cut, for what is ours. */
    async function wipe(): Promise<void> {
      await host.sh(`
        nft list tables | grep netctl_ | while read -r _ family table; do nft delete table "$family" "$table"; done
        ip netns list | cut -d' ' -f1 | grep -v '^outside$' | while read -r name; do ip netns del "$name"; done
        for link in $(ip -o link show | sed -n 's/^[0-9]*: \\([^:@]*\\).* alias netctl:.*/\\1/p'); do ip link del "$link" 2>/dev/null || true; done`);
    }
  });
}

function step(): fc.Arbitrary<Step> {
  const network = fc.constantFrom(...NETWORKS);
  const sandbox = fc.constantFrom(...SANDBOXES);
  return fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('create-network' as const), network }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('remove-network' as const), network }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('create-sandbox' as const), sandbox }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('remove-sandbox' as const), sandbox }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('connect' as const), network, sandbox }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('disconnect' as const), network, sandbox }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const) }) },
  );
}
