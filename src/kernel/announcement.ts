import { arpRequest, icmp6Frame, NEIGHBOUR } from './neighbour-frames.ts';
import { parseAddress, parseMac } from './netlink/parse.ts';

/** RFC 4861 §4.4: the entry in the cache is to be overwritten. */
const NA_OVERRIDE = 0x2000_0000;
/** ff02::1 */
const ALL_NODES = Buffer.from('ff020000000000000000000000000001', 'hex');

/**
 * The Ethernet frame that tells a link's neighbours where an address lives now: an ARP announcement
 * (RFC 5227 §3) or an unsolicited neighbour advertisement (RFC 4861 §7.2.6).
 * @param address plain address
 * @throws {NetworkError} INVALID
 */
export function announcement(address: string, mac: string): Buffer {
  const { bytes } = parseAddress(address);
  const hardware = parseMac(mac);
  return bytes.length === 4 ? arpRequest(hardware, bytes, bytes) : neighbourAdvertisement(bytes, hardware);
}

function neighbourAdvertisement(address: Buffer, mac: Buffer): Buffer {
  const advert = Buffer.alloc(32);
  advert[0] = NEIGHBOUR.ADVERTISEMENT;
  advert.writeUInt32BE(NA_OVERRIDE, 4);
  advert.set(address, 8);
  advert.set([NEIGHBOUR.TARGET_LINK_ADDRESS, 1], 24);
  advert.set(mac, 26);
  return icmp6Frame(mac, address, ALL_NODES, advert);
}
