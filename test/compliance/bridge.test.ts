import { describeDriver } from './driver.ts';

const SUBNETS = [['10.81.0.0/24'], ['10.82.0.0/24', 'fd00:82::/64'], ['10.83.0.0/24']];
const OPTIONS = [{}, {}, { 'com.docker.network.bridge.enable_icc': 'false' }];

describeDriver({
  name: 'bridge',
  network: (index) => ({ name: `net${index}`, subnets: SUBNETS[index] ?? [], options: OPTIONS[index] ?? {} }),
  connects: true,
});
