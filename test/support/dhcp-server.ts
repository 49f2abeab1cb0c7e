/**
 * A DHCP server for tests that need one to be unkind: a program that takes from its standard input, a JSON line
 * each, how it is to be from then on, and says on its standard output what it was asked.
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { decodeDhcp, encodeDhcp } from '../../src/ipam/dhcp/message.ts';
import { readAddresses } from '../../src/ipam/dhcp/option-values.ts';
import { DHCP_OPTION, DHCP_PORT, DHCP_TYPE } from '../../src/ipam/dhcp/protocol.ts';

/** How the server is. */
export interface ServerManner {
  /** Plain address that it gives. */
  readonly address: string;
  /** Seconds. */
  readonly lease: number;
  readonly silent?: boolean;
  /** It answers requests by DHCPNAK. */
  readonly refuses?: boolean;
}

const NAMES = Object.fromEntries(Object.entries(DHCP_TYPE).map(([name, number]) => [number, name]));

if (import.meta.main) {
  const [own = '', broadcast = ''] = process.argv.slice(2);
  let manner: ServerManner = { address: own, lease: 60, silent: true };
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  socket.on('message', (datagram) => {
    const asked = decodeDhcp(datagram);
    const type = asked?.options.get(DHCP_OPTION.TYPE)?.[0] ?? 0;
    if (asked === undefined) return;
    process.stdout.write(`${NAMES[type] ?? ''} ${asked.clientAddress} ${readAddresses(asked.options.get(DHCP_OPTION.REQUESTED)).join('')}\n`);
    if (manner.silent === true || (type !== DHCP_TYPE.DISCOVER && type !== DHCP_TYPE.REQUEST)) return;
    const answer = type === DHCP_TYPE.DISCOVER ? DHCP_TYPE.OFFER : manner.refuses === true ? DHCP_TYPE.NAK : DHCP_TYPE.ACK;
    const lease = Buffer.alloc(4);
    lease.writeUInt32BE(manner.lease);
    const options = new Map<number, Uint8Array>([
      [DHCP_OPTION.TYPE, Uint8Array.of(answer)],
      [DHCP_OPTION.SERVER, Uint8Array.from(own.split('.').map(Number))],
      ...(answer === DHCP_TYPE.NAK ? [] : ([[DHCP_OPTION.LEASE_TIME, lease], [DHCP_OPTION.MASK, Uint8Array.of(255, 255, 255, 0)]] as const)),
    ]);
    const reply = encodeDhcp({ ...asked, from: 'server', yourAddress: answer === DHCP_TYPE.NAK ? '0.0.0.0' : manner.address, options });
    socket.send(reply, DHCP_PORT.CLIENT, asked.clientAddress === '0.0.0.0' || answer === DHCP_TYPE.NAK ? broadcast : asked.clientAddress);
  });
  socket.bind(DHCP_PORT.SERVER, () => {
    socket.setBroadcast(true);
    process.stdout.write('ready\n');
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- from the tests
  createInterface({ input: process.stdin }).on('line', (line) => (manner = JSON.parse(line) as ServerManner));
}
