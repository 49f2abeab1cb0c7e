/**
 * Runs in a hostile sandbox: sends queries as fast as it can and never looks at an answer.
 *   flood.ts ADDRESS PORT MS known|unknown|mutated
 * `unknown` names are different each time, so that all of them have to be asked outside.
 */
import { encode } from 'dns-packet';
import { rawSocketAddress } from '../../src/kernel/raw-socket-address.ts';
import { openSocketFd, SOCKET, trySendTo } from '../../src/kernel/sys.ts';
import { mutate, Randomness } from '../../test/support/mutate.ts';
import { NAMES } from '../name-servers/name-server.ts';

const [address = '', port = '0', ms = '0', kind = 'known'] = process.argv.slice(2);
const random = new Randomness(1);
const query = (name: string): Buffer => encode({ type: 'query', id: 1, flags: 0x0100, questions: [{ type: 'A', name }] });
const known = NAMES.map(query);
const packets = {
  known,
  unknown: Array.from({ length: 20_000 }, (_, index) => query(`n${String(index)}.example`)),
  mutated: Array.from({ length: 20_000 }, () => Buffer.from(mutate(known, random))),
}[kind];
if (packets === undefined) throw new Error(`no such flood: ${kind}`);
const fd = openSocketFd(SOCKET.AF_INET, SOCKET.SOCK_DGRAM, 0, 'flood');
const to = rawSocketAddress(address, Number(port));
let sent = 0;
for (const end = performance.now() + Number(ms); performance.now() < end; sent += 1) {
  const packet = packets[sent % packets.length] as Buffer;
  trySendTo(fd, packet, packet.length, to, to.length);
}
console.log(sent);
