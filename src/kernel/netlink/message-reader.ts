import { NetworkError } from '../../common/error.ts';
import { NETLINK } from './constants.ts';

const align = (length: number): number => (length + 3) & ~3;

/** One message as it was received; the payload is a view, valid until the next receive. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Without the header. */
  readonly payload: Buffer;
}

/** The messages of a datagram. @throws {NetworkError} INTERNAL when lengths do not add up */
export function readMessages(datagram: Buffer): Message[] {
  const messages: Message[] = [];
  let at = 0;
  while (at < datagram.length) {
    const length = at + NETLINK.HEADER <= datagram.length ? datagram.readUInt32LE(at) : 0;
    if (length < NETLINK.HEADER || at + length > datagram.length) {
      throw new NetworkError('INTERNAL', `netlink message at byte ${at} of ${datagram.length} claims ${length} bytes`);
    }
    messages.push({
      type: datagram.readUInt16LE(at + 4),
      flags: datagram.readUInt16LE(at + 6),
      sequence: datagram.readUInt32LE(at + 8),
      payload: datagram.subarray(at + NETLINK.HEADER, at + length),
    });
    at += align(length);
  }
  return messages;
}

/** The values in a nest that holds a list, in order; views. @throws {NetworkError} INTERNAL when lengths do not add up */
export function readAttributeList(nest: Buffer): Buffer[] {
  return [...attributesOf(nest, 0)].map(([, value]) => value);
}

function* attributesOf(payload: Buffer, offset: number): Generator<readonly [type: number, value: Buffer]> {
  let at = align(offset);
  while (at + NETLINK.ATTRIBUTE_HEADER <= payload.length) {
    const length = payload.readUInt16LE(at);
    if (length < NETLINK.ATTRIBUTE_HEADER || at + length > payload.length) {
      throw new NetworkError('INTERNAL', `netlink attribute at byte ${at} of ${payload.length} claims ${length} bytes`);
    }
    yield [payload.readUInt16LE(at + 2) & NETLINK.TYPE_MASK, payload.subarray(at + NETLINK.ATTRIBUTE_HEADER, at + length)];
    at += align(length);
  }
}

/** The attributes of a message or of a nest: for each type the last one, as the kernel reads them. */
export class Attributes {
  readonly #found = new Map<number, Buffer>();

  /**
   * @param payload what the attributes stand in
   * @param offset where they begin: the length of the fixed header before them
   * @throws {NetworkError} INTERNAL when lengths do not add up
   */
  constructor(payload: Buffer, offset = 0) {
    for (const [type, value] of attributesOf(payload, offset)) this.#found.set(type, value);
  }

  /** Its bytes, as a view. */
  bytes(type: number): Buffer | undefined {
    return this.#found.get(type);
  }

  u8(type: number): number | undefined {
    return this.#sized(type, 1)?.readUInt8(0);
  }

  u16(type: number): number | undefined {
    return this.#sized(type, 2)?.readUInt16LE(0);
  }

  u16BigEndian(type: number): number | undefined {
    return this.#sized(type, 2)?.readUInt16BE(0);
  }

  u32(type: number): number | undefined {
    return this.#sized(type, 4)?.readUInt32LE(0);
  }

  i32(type: number): number | undefined {
    return this.#sized(type, 4)?.readInt32LE(0);
  }

  u32BigEndian(type: number): number | undefined {
    return this.#sized(type, 4)?.readUInt32BE(0);
  }

  /** Text up to the first NUL. */
  text(type: number): string | undefined {
    const bytes = this.#found.get(type);
    if (bytes === undefined) return undefined;
    const end = bytes.indexOf(0);
    return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
  }

  nest(type: number): Attributes | undefined {
    const bytes = this.#found.get(type);
    return bytes === undefined ? undefined : new Attributes(bytes);
  }

  #sized(type: number, length: number): Buffer | undefined {
    const bytes = this.#found.get(type);
    if (bytes !== undefined && bytes.length < length) {
      throw new NetworkError('INTERNAL', `netlink attribute ${type} has ${bytes.length} bytes, not ${length}`);
    }
    return bytes;
  }
}
