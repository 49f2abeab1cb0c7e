import assert from 'node:assert/strict';
import { GATEWAY_OWNER } from '../../src/controller/records.ts';
import { ClusterLab, type ModelHost } from '../support/cluster-lab.ts';
import { rejects } from '../support/refusal.ts';

const SUBNET = '10.1.0.0/24';

describe('networks of the cluster that engines have', () => {
  let lab: ClusterLab;
  let one: ModelHost;
  let two: ModelHost;

  beforeEach(async () => {
    lab = await new ClusterLab().open(2);
    [one, two] = [lab.host(1), lab.host(2)];
  });

  afterEach(() => lab[Symbol.asyncDispose]());

  const idOn = (host: ModelHost): string => host.record.id.repeat(8);
  const has = ({ controller }: ModelHost): boolean => controller.networks().some(({ name }) => name === 'blue');
  /** `docker network create`. @returns the pool's id */
  const create = async (host: ModelHost): Promise<string> => {
    const { engine } = host.controller;
    const { id } = await engine.requestPool({ family: 4, subnet: SUBNET, network: 'blue' });
    await engine.joinNetwork(idOn(host), { name: 'blue', driver: 'overlay', madeBy: 'engine', ipv4: true, ipv6: false, subnets: [SUBNET], gateways: ['10.1.0.1'] });
    return id;
  };
  const remove = async (host: ModelHost, pool: string): Promise<void> => {
    await host.controller.engine.deleteNetwork(idOn(host));
    await host.controller.engine.releasePool(pool);
  };

  it('are one network, whichever host is the first, and go with the last', async () => {
    const [first, second] = await Promise.all([create(one), create(two)]);
    assert.deepEqual([has(one), has(two)], [true, true]);
    assert.equal(one.controller.network('blue').id, two.controller.network('blue').id);
    await rejects(one.controller.removeNetwork('blue'), 'FORBIDDEN', /docker network rm blue/);
    await remove(one, first);
    await rejects(one.controller.removeNetwork('blue'), 'IN_USE', /one of the engine’s on h2/);
    await remove(two, second);
    await lab.eventually(() => !has(one) && !has(two), 'blue nowhere');
    assert.deepEqual([...one.controller.engine.pools(), ...two.controller.engine.pools()], []);
  });

  it('have the gateway that another host gave them, also while an engine is asking for one', async () => {
    const { engine } = two.controller;
    const { id } = await engine.requestPool({ family: 4, subnet: SUBNET, network: 'blue' });
    const apply = two.kernel.apply.bind(two.kernel);
    const [reached, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    two.kernel.apply = async (...words): Promise<void> => {
      reached.resolve();
      await opened.promise;
      return apply(...words);
    };
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: [SUBNET], gateways: ['10.1.0.9'] });
    await reached.promise;
    const asked = engine.requestAddress(id, undefined, GATEWAY_OWNER);
    opened.resolve();
    assert.equal(await asked, '10.1.0.9/24');
  });

  it('are refused to an engine that was given another gateway before they came', async () => {
    const { engine } = two.controller;
    const { id } = await engine.requestPool({ family: 4, subnet: SUBNET, network: 'blue' });
    const gateway = await engine.requestAddress(id, undefined, GATEWAY_OWNER);
    assert.equal(gateway, '10.1.0.1/24');
    await one.controller.createNetwork({ name: 'blue', driver: 'overlay', subnets: [SUBNET], gateways: ['10.1.0.9'] });
    await lab.eventually(() => has(two));
    const join = (address: string): Promise<void> => engine.joinNetwork(idOn(two), { name: 'blue', driver: 'overlay', madeBy: 'engine', ipv4: true, ipv6: false, subnets: [SUBNET], gateways: [address] });
    await rejects(join('10.1.0.1'), 'INVALID', /made on another host meanwhile, with gateway 10\.1\.0\.9 instead of 10\.1\.0\.1: try again/);
    await engine.releaseAddress(id, '10.1.0.1');
    assert.equal(await engine.requestAddress(id, undefined, GATEWAY_OWNER), '10.1.0.9/24');
    await join('10.1.0.9');
  });

  it('are shown with what the engine calls them', async () => {
    await create(one);
    const of = (): unknown => one.controller.network('blue').engineNetworks;
    assert.deepEqual(of(), [{ id: idOn(one), name: null }]);
    await one.controller.engine.learnNetwork(idOn(one), { name: 'project_blue', engine: 'E' });
    assert.deepEqual(of(), [{ id: idOn(one), name: 'project_blue' }]);
    await lab.eventually(() => has(two));
    assert.equal(two.controller.network('blue').engineNetworks, undefined);
  });

  it('are left as soon as the servers answer, where they did not', async () => {
    const pool = await create(one);
    await lab.eventually(() => has(two));
    one.shared.cut(true);
    await remove(one, pool);
    assert.equal(has(two), true);
    one.shared.cut(false);
    await lab.eventually(() => !has(one) && !has(two), 'blue nowhere');
  });

  it('keep addresses, and who has joined, over a restart', async () => {
    const [pool, other] = [await create(one), await create(two)];
    const address = await one.controller.engine.requestAddress(pool, undefined, 'a container of the engine');
    await one.down();
    await one.up();
    await lab.eventually(() => one.controller.cluster().isReachable);
    const [plain = ''] = address.split('/');
    await rejects(one.controller.engine.requestAddress(pool, plain, 'another'), 'EXISTS', /taken by a container/);
    await rejects(two.controller.engine.requestAddress(other, plain, 'another'), 'EXISTS', /taken by a container of the engine on host 'h1'/);
    await remove(two, other);
    await rejects(two.controller.removeNetwork('blue'), 'IN_USE', /one of the engine’s on h1/);
    await one.controller.engine.releaseAddress(pool, plain);
    assert.equal(await one.controller.engine.requestAddress(pool, plain, 'another'), address);
  });
});
