import assert from 'node:assert/strict';
import { createNetwork, createSandbox, listNetworks, removeSandbox } from '../../src/api/calls.ts';
import { ApiClient } from '../../src/api/client.ts';
import { DEFAULT_RUN_FOLDER, socketPath } from '../../src/api/socket-path.ts';
import { eventually } from '../support/eventually.ts';
import { ETCD_PORT, MultiHostLab } from '../support/multi-host.ts';
import { rejects } from '../support/refusal.ts';

/** Two time-outs of a request, and a busy machine. */
const FEW_SECONDS = 8_000;

describe('hosts whose etcd swallows what is sent to it', function () {
  let lab: MultiHostLab;
  let one: ApiClient;
  let two: ApiClient;

  before(async function () {
    lab = await MultiHostLab.start(this, 2);
    [one, two] = [lab.host(1), lab.host(2)].map(({ host }) => new ApiClient(host.path(socketPath(DEFAULT_RUN_FOLDER)))) as [ApiClient, ApiClient];
    await one.send(createNetwork({ name: 'blue', driver: 'overlay', subnets: ['10.1.0.0/24'] }));
    await eventually(() => two.send(listNetworks()), (list) => list.length > 0);
    await one.send(createSandbox({ name: 'first', networks: [{ network: 'blue' }] }));
    await two.send(createSandbox({ name: 'other', networks: [{ network: 'blue', ipv4: '10.1.0.20' }] }));
    // Neither a refusal nor an end of the connections: nothing.
    await lab.lan.exec(['nft', `add table inet hole; add chain inet hole input { type filter hook input priority 0; }; add rule inet hole input tcp dport ${String(ETCD_PORT)} drop`]);
  });

  after(() => lab?.[Symbol.asyncDispose]());

  const timed = async (task: () => Promise<unknown>): Promise<number> => {
    const started = performance.now();
    await task();
    return performance.now() - started;
  };

  it('attach to what addresses they have, from the first moment on', async () => {
    const times: number[] = [];
    for (let number = 0; number < 5; number += 1) times.push(await timed(() => one.send(createSandbox({ name: `s${String(number)}`, networks: [{ network: 'blue' }] }))));
    const [first = 0, ...others] = times;
    // Half a second is waited for a commit, once.
    assert.ok(first < 2_500, `the first took ${first.toFixed(0)} ms`);
    assert.ok(others.every((time) => time < 1_000), `the others took ${others.map((time) => time.toFixed(0)).join(', ')} ms`);
    assert.ok((await timed(() => one.send(removeSandbox('s0')))) < 1_000);
  });

  it('refuse soon what they cannot do alone, and say why', async () => {
    const refused = async (call: () => Promise<unknown>, words: RegExp): Promise<void> => {
      const time = await timed(() => rejects(call(), 'UNAVAILABLE', words));
      assert.ok(time < FEW_SECONDS, `it took ${time.toFixed(0)} ms`);
    };
    await refused(() => one.send(createNetwork({ name: 'red', driver: 'overlay', subnets: ['10.2.0.0/24'] })), /etcd at .*: no answer within/);
    await refused(() => one.send(createSandbox({ name: 'claims', networks: [{ network: 'blue', ipv4: '10.1.0.21' }] })), /etcd|store/);
    assert.deepEqual((await one.send(listNetworks())).flatMap(({ name, driver }) => (driver === 'overlay' ? [name] : [])), ['blue']);
    // Once it is known, at once.
    assert.ok((await timed(() => rejects(one.send(createNetwork({ name: 'red', driver: 'overlay', subnets: ['10.2.0.0/24'] })), 'UNAVAILABLE'))) < 1_000);
  });

  it('tell the others everything when it answers again', async () => {
    await lab.lan.exec(['nft', 'delete table inet hole']);
    const { netctl } = lab.host(2);
    await eventually(() => netctl.run(['exec', 'other', 'ping', '-c1', '-W1', 's4']), ({ code }) => code === 0, 40_000);
    assert.match(await netctl.ok('exec', 'other', 'ping', '-c1', '-W2', 's4'), / 0% packet loss/);
  });
});
