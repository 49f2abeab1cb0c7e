import { ATTACH } from './attach.ts';
import type { Case } from './case.ts';
import { ISOLATION } from './isolation.ts';
import { PUBLISH } from './publish.ts';

/** The table that is run on both drivers. */
export const CASES: readonly Case[] = [...ATTACH, ...PUBLISH, ...ISOLATION];
