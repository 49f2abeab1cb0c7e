import type { Scenario } from '../scenario.ts';
import { daemonKilled } from './daemon-killed.ts';
import { hostLost } from './host-lost.ts';
import { names } from './names.ts';
import { pairs } from './pairs.ts';
import { publish } from './publish.ts';

/** In the order in which they run: one after the other on the same machines. */
export const SCENARIOS: readonly Scenario[] = [pairs, names, publish, daemonKilled, hostLost];
