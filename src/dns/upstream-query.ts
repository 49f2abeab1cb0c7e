import { copy, setU16, setU32 } from './bytes.ts';
import { writeOpt } from './edns.ts';
import { AT, FLAG, HEADER } from './protocol.ts';
import type { Query } from './query.ts';

/**
 * Writes the query that asks a server what an asker wants to know: same question and flags, EDNS options
 * and signatures left out, because the answer is for everybody who asks the same.
 *
 * @param id what the answer is known by
 * @param edns whether to send an OPT record, as all but the oldest servers take it
 * @returns bytes written
 */
export function writeUpstreamQuery(query: Query, id: number, edns: boolean, out: Uint8Array): number {
  setU16(out, AT.ID, id);
  setU16(out, AT.FLAGS, query.flags & (FLAG.RECURSION_DESIRED | FLAG.AUTHENTIC_DATA | FLAG.CHECKING_DISABLED));
  setU16(out, AT.QUESTIONS, 1);
  setU32(out, AT.ANSWERS, 0);
  setU16(out, AT.ADDITIONALS, edns ? 1 : 0);
  const end = copy(query.bytes, query.start + HEADER, query.questionEnd, out, HEADER);
  return edns ? writeOpt(out, end, 0, query.dnssecOk) : end;
}
