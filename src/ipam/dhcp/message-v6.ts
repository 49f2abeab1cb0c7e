/** A DHCPv6 message (RFC 8415 §8). */
export interface Dhcp6Message {
  /** One of DHCP6_TYPE. */
  readonly type: number;
  /** Tells one exchange from another, 24 bits. */
  readonly transaction: number;
  readonly options: Dhcp6Options;
}

/** Options by number; one that comes several times counts once. */
export type Dhcp6Options = ReadonlyMap<number, Uint8Array>;

const HEADER = 4;

/** Its bytes, as UDP carries them. */
export function encodeDhcp6({ type, transaction, options }: Dhcp6Message): Uint8Array {
  const header = Buffer.alloc(HEADER);
  header.writeUInt32BE(transaction & 0xff_ffff);
  header[0] = type;
  return Buffer.concat([header, encodeOptions(options)]);
}

/** The message in a datagram; undefined for anything that is none, relayed ones included. Never throws. */
export function decodeDhcp6(datagram: Uint8Array): Dhcp6Message | undefined {
  const bytes = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const [type = 0] = bytes;
  // RELAY-FORW and RELAY-REPL have another header.
  if (bytes.length < HEADER || type === 12 || type === 13) return undefined;
  const options = decodeOptions(bytes.subarray(HEADER));
  return options === undefined ? undefined : { type, transaction: bytes.readUInt32BE(0) & 0xff_ffff, options };
}

/** Options, as a message or another option carries them. */
export function encodeOptions(options: Dhcp6Options): Uint8Array {
  return Buffer.concat(
    [...options].flatMap(([code, value]) => {
      const header = Buffer.alloc(4);
      header.writeUInt16BE(code, 0);
      header.writeUInt16BE(value.length, 2);
      return [header, value];
    }),
  );
}

/** The same back; undefined when one reaches beyond the end. */
export function decodeOptions(field: Uint8Array): Dhcp6Options | undefined {
  const bytes = Buffer.from(field.buffer, field.byteOffset, field.byteLength);
  const options = new Map<number, Uint8Array>();
  for (let at = 0; at < bytes.length; ) {
    if (at + 4 > bytes.length) return undefined;
    const length = bytes.readUInt16BE(at + 2);
    const end = at + 4 + length;
    if (end > bytes.length) return undefined;
    const code = bytes.readUInt16BE(at);
    if (!options.has(code)) options.set(code, Uint8Array.from(bytes.subarray(at + 4, end)));
    at = end;
  }
  return options;
}
