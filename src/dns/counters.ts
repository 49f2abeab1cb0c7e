import type { DnsCounts } from './dns-stats.ts';
import { u16 } from './bytes.ts';
import { AT, FLAG, RCODE } from './protocol.ts';

/** Up to 8 s; what takes longer stands in the last one. */
const BUCKETS = 24;

/** Counts that grow: {@link DnsCounts}. */
export class Counters implements DnsCounts {
  queries = 0;
  local = 0;
  forwarded = 0;
  cached = 0;
  nxdomain = 0;
  servfail = 0;
  refused = 0;
  dropped = 0;
  malformed = 0;
  timeouts = 0;
  readonly latency: number[] = Array.from({ length: BUCKETS }, () => 0);

  /** @param from where its answer came from @param answer its header is looked at */
  answered(from: 'local' | 'cached' | 'forwarded', answer: Uint8Array): void {
    const rcode = u16(answer, AT.FLAGS) & FLAG.RCODE;
    if (from === 'cached') this.cached++;
    else if (from === 'local' && rcode === RCODE.FORMERR) this.malformed++;
    else if (from === 'local' && rcode !== RCODE.REFUSED) this.local++;
    if (rcode === RCODE.NXDOMAIN) this.nxdomain++;
    else if (rcode === RCODE.SERVFAIL) this.servfail++;
    else if (rcode === RCODE.REFUSED) this.refused++;
  }

  /** @param time ms that each of `count` answers took */
  took(time: number, count = 1): void {
    const bucket = Math.min(BUCKETS - 1, 32 - Math.clz32(time * 1000));
    this.latency[bucket] = (this.latency[bucket] ?? 0) + count;
  }

  add(other: DnsCounts): void {
    for (const name of NAMES) this[name] += other[name];
    for (const [bucket, count] of other.latency.entries()) this.latency[bucket] = (this.latency[bucket] ?? 0) + count;
  }

  /** As they are now. */
  read(): DnsCounts {
    return { ...this, latency: [...this.latency] };
  }
}

const NAMES = ['queries', 'local', 'forwarded', 'cached', 'nxdomain', 'servfail', 'refused', 'dropped', 'malformed', 'timeouts'] as const;
