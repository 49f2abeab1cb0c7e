/**
 * Puts mutated packets to the DNS code: `node scripts/fuzz.ts [COUNT] [SEED]`. Prints what became of them;
 * exit code 1 and the packet when anything throws, is answered wrongly or takes over a millisecond.
 */
import { fuzzDns } from '../test/support/dns-fuzz.ts';

const count = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000_000);
if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(seed)) {
  console.error('fuzz: COUNT and SEED are whole numbers: node scripts/fuzz.ts 1000000 42');
  process.exit(2);
}
console.log(`${count} packets, seed ${seed}`);
const { outcomes, slowest } = fuzzDns(count, seed);
for (const [outcome, times] of [...outcomes].toSorted(([, one], [, other]) => other - one)) console.log(`${String(times).padStart(9)}  ${outcome}`);
console.log(`slowest: ${slowest.toFixed(3)} ms`);
