import { describeDriver } from './driver.ts';

const SUBNETS = [['10.81.0.0/24'], ['10.82.0.0/24', 'fd00:82::/64'], ['10.83.0.0/24']];
const OPTIONS = { bridge: {}, private: {}, vepa: {}, source: { 'tsmacvlan.sources': '02:00:00:00:00:01' }, passthru: {} };

for (const [mode, options] of Object.entries(OPTIONS)) {
  describeDriver({
    name: `macvlan, mode ${mode}`,
    network: (index) => ({ name: `net${index}`, driver: 'macvlan', subnets: SUBNETS[index] ?? [], options: { parent: 'eth0', macvlan_mode: mode, ...options } }),
    connects: mode === 'bridge',
    macs: mode === 'passthru' ? 'inherited' : 'own',
    // What differs from mode to mode is what the kernel does with frames.
    ...(mode === 'bridge' ? {} : { runs: 2 }),
  });
}

describeDriver({
  name: 'macvlan without a parent, with host access',
  network: (index) => ({
    name: `net${index}`,
    driver: 'macvlan',
    subnets: SUBNETS[index] ?? [],
    auxiliary: { host: `10.8${index + 1}.0.9` },
    options: { 'tsmacvlan.host_access': 'true' },
  }),
  connects: true,
  runs: 3,
});
