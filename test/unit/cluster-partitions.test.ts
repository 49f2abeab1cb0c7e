import assert from 'node:assert/strict';
import fc from 'fast-check';
import { NetworkError } from '../../src/common/error.ts';
import { ClusterLab } from '../support/cluster-lab.ts';

const HOSTS = [1, 2, 3] as const;

type Step =
  | { readonly kind: 'attach'; readonly host: number; readonly sandbox: number; readonly address?: number }
  | { readonly kind: 'remove'; readonly host: number; readonly sandbox: number }
  | { readonly kind: 'cut' | 'heal' | 'restart' | 'expire'; readonly host: number };

function step(): fc.Arbitrary<Step> {
  const host = fc.constantFrom(...HOSTS);
  const sandbox = fc.integer({ min: 0, max: 9 });
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('attach' as const), host, sandbox, address: fc.integer({ min: 2, max: 40 }) }, { requiredKeys: ['kind', 'host', 'sandbox'] }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), host, sandbox }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('cut' as const, 'heal' as const, 'restart' as const, 'expire' as const), host }) },
  );
}

describe('hosts that lose each other', () => {
  it('never give an address twice, and agree when they are together again', async function () {
    await fc.assert(
      fc.asyncProperty(fc.array(step(), { minLength: 5, maxLength: 40 }), async (steps) => {
        await using lab = await new ClusterLab().open(3);
        await lab.host(1).controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/26'] });
        await lab.eventually(() => lab.hosts.every(({ controller }) => controller.networks().length === 1));
        for (const one of steps) {
          await take(lab, one);
          assertUnique(lab);
        }
        for (const host of lab.hosts) host.shared.cut(false);
        const all = addressesOf(lab);
        await lab.eventually(() => lab.hosts.every((host) => host.controller.cluster().isReachable && host.controller.cluster().hosts.every(({ state }) => state !== 'lost')), 'all are there');
        await lab.eventually(() => lab.servers.log.length > 0 && endpointsInStore(lab) === all.length, `all ${String(all.length)} endpoints in the store`);
      }),
      { numRuns: Number(process.env['NETCTL_TEST_RUNS'] ?? 60), endOnFailure: true },
    );
  });
});

async function take(lab: ClusterLab, one: Step): Promise<void> {
  const host = lab.host(one.host);
  try {
    switch (one.kind) {
      case 'attach':
        await host.controller.createSandbox({ name: `s${String(one.host)}-${String(one.sandbox)}`, networks: [{ network: 'blue', ...(one.address === undefined ? {} : { ipv4: `10.1.0.${String(one.address)}` }) }] }, AbortSignal.timeout(200));
        break;
      case 'remove':
        await host.controller.removeSandbox(`s${String(one.host)}-${String(one.sandbox)}`);
        break;
      case 'cut':
        host.shared.cut(true);
        break;
      case 'heal':
        host.shared.cut(false);
        break;
      case 'expire':
        await host.shared.expire();
        break;
      case 'restart':
        await host.down();
        await host.up();
    }
  } catch (error) {
    // Steps that make no sense at the moment are refused; a defect of ours is not.
    if (!(error instanceof NetworkError) || error.code === 'INTERNAL' || error.code === 'CORRUPT') throw error;
  }
}

function addressesOf(lab: ClusterLab): string[] {
  return lab.hosts.flatMap(({ controller }) => controller.sandboxes().flatMap(({ endpoints }) => endpoints.flatMap(({ ipv4 }) => ipv4 ?? [])));
}

function assertUnique(lab: ClusterLab): void {
  const addresses = addressesOf(lab);
  assert.equal(new Set(addresses).size, addresses.length, `given twice: ${addresses.toSorted().join(' ')}`);
}

function endpointsInStore(lab: ClusterLab): number {
  const there = new Set<string>();
  for (const { events } of lab.servers.log) {
    for (const { key, value } of events) {
      if (!key.startsWith('endpoint/')) continue;
      if (value === undefined) there.delete(key);
      else there.add(key);
    }
  }
  return there.size;
}
