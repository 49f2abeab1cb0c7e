import type { Scenario } from '../scenario.ts';
import { daemonKilled } from './daemon-killed.ts';
import { engineRestarted } from './engine-restarted.ts';
import { etcdGone } from './etcd-gone.ts';
import { etcdLeaderKilled } from './etcd-leader-killed.ts';
import { firstPing } from './first-ping.ts';
import { hostLost } from './host-lost.ts';
import { manyAtOnce } from './many-at-once.ts';
import { moved } from './moved.ts';
import { names } from './names.ts';
import { pairs } from './pairs.ts';
import { partition } from './partition.ts';
import { publish } from './publish.ts';
import { random } from './random.ts';
import { smallUnderlay } from './small-underlay.ts';
import { throughput } from './throughput.ts';

/** In the order in which they run: one after the other on the same machines. */
export const SCENARIOS: readonly Scenario[] = [
  pairs, names, publish, engineRestarted, daemonKilled, etcdLeaderKilled, etcdGone, partition, manyAtOnce, moved, smallUnderlay, random, hostLost, firstPing, throughput,
];
