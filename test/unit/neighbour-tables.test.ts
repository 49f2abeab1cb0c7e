import assert from 'node:assert/strict';
import { HOST } from '../../src/kernel/op.ts';
import { NamesLab } from '../support/names-lab.ts';

describe('doctor on neighbour tables', () => {
  let lab: NamesLab;

  beforeEach(async () => {
    lab = await new NamesLab().open();
    await lab.controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24', 'fd00:9::/64'] });
    for (let i = 0; i < 5; i += 1) await lab.controller.createSandbox({ name: `s${i}`, networks: [{ network: 'blue' }] });
  });

  afterEach(() => lab[Symbol.asyncDispose]());

  const limit = (family: string, value: number): void => lab.kernel.model.setSysctl(HOST, `net/${family}/neigh/default/gc_thresh3`, `${value}`);
  const found = async (): Promise<string[]> =>
    (await lab.controller.diagnose()).filter(({ message }) => message.includes('neighbours')).map(({ level, message, remedy }) => `${level}: ${message}; ${remedy ?? ''}`);

  it('says nothing where they have room, or nobody says how much', async () => {
    assert.deepEqual(await found(), []);
    limit('ipv4', 10);
    limit('ipv6', 20);
    assert.deepEqual(await found(), []);
  });

  it('says of each that has too little how much it needs, and how it gets that', async () => {
    limit('ipv4', 9);
    limit('ipv6', 1024);
    assert.deepEqual(await found(), [
      'warning: IPv4: remembers 9 neighbours for all namespaces together, and 5 endpoints need about 10: packets are dropped when many of them speak at once; ' +
        'sysctl -w net.ipv4.neigh.default.gc_thresh2=16 net.ipv4.neigh.default.gc_thresh3=32, and the same in /etc/sysctl.d for the next start',
    ]);
    limit('ipv6', 19);
    assert.match((await found())[1] ?? '', /^warning: IPv6: remembers 19 .* 5 endpoints need about 20: .*; sysctl -w net\.ipv6\.neigh\.default\.gc_thresh2=32 net\.ipv6\.neigh\.default\.gc_thresh3=64,/);
  });
});
