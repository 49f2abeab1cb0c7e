import { describeDriver } from './driver.ts';

const SUBNETS = [['10.81.0.0/24'], ['10.82.0.0/24', 'fd00:82::/64'], ['10.83.0.0/24']];

for (const mode of ['bridge', 'private', 'vepa'] as const) {
  describeDriver({
    name: `macvlan, mode ${mode}`,
    network: (index) => ({ name: `net${index}`, driver: 'macvlan', subnets: SUBNETS[index] ?? [], options: { parent: 'eth0', macvlan_mode: mode } }),
    connects: mode === 'bridge',
  });
}

describeDriver({
  name: 'macvlan without a parent',
  network: (index) => ({ name: `net${index}`, driver: 'macvlan', subnets: SUBNETS[index] ?? [] }),
  connects: true,
});
