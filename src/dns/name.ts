/** Names as messages carry them: labels, each behind its length, and a zero (RFC 1035 §3.1). */

/** Longest name with its zero, and longest label (RFC 1035 §2.3.4). */
const LONGEST_NAME = 255;
const LONGEST_LABEL = 63;

/** Most labels that a name can have. */
export const MOST_LABELS = 127;

/** Length bytes never look like capital letters, so whole names may be folded byte by byte. */
const FOLDED: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) => (code >= 65 && code <= 90 ? code + 32 : code));

/** Lower case of an ASCII byte (RFC 4343). */
export function fold(code: number): number {
  return FOLDED[code] ?? code;
}

/**
 * Text to the bytes of a message, in the case it has. Undefined for what no message can carry: an
 * empty or overlong label, an overlong name, anything but printable ASCII. A dot at the end is left out.
 */
export function encodeName(text: string): Uint8Array | undefined {
  const labels = (text.endsWith('.') ? text.slice(0, -1) : text).split('.');
  if (!labels.every((label) => label.length <= LONGEST_LABEL && /^[!-~]+$/.test(label))) return undefined;
  const bytes = new Uint8Array(labels.reduce((length, label) => length + 1 + label.length, 1));
  if (bytes.length > LONGEST_NAME) return undefined;
  let at = 0;
  for (const label of labels) {
    bytes[at++] = label.length;
    for (let index = 0; index < label.length; index++) bytes[at++] = label.charCodeAt(index);
  }
  return bytes;
}

/** As {@link encodeName}, for names that stand in the code. @throws {TypeError} */
export function knownName(text: string): Uint8Array {
  const bytes = encodeName(text);
  if (bytes === undefined) throw new TypeError(`${text} is no name`);
  return bytes;
}

/** What equal names have in common whatever their case: a character a byte, without the zero. */
export function keyOf(name: Uint8Array): string {
  let key = '';
  for (let at = 0; at < name.length - 1; at++) key += String.fromCharCode(fold(name[at] ?? 0));
  return key;
}

/** As {@link keyOf}, from text; undefined where {@link encodeName} is. */
export function keyOfText(text: string): string | undefined {
  const name = encodeName(text);
  return name === undefined ? undefined : keyOf(name);
}

/**
 * Finds the end of a question's name, which nothing precedes that it could point to: a compressed
 * one is malformed.
 *
 * @param labels gets where each label stands, from the start of the name
 * @returns how many labels, or -1 for what is no name
 */
export function readName(bytes: Uint8Array, start: number, end: number, labels: Uint8Array): number {
  const bound = Math.min(end, start + LONGEST_NAME);
  let count = 0;
  for (let at = start; at < bound; ) {
    const length = bytes[at] ?? 0;
    if (length === 0) {
      labels[count] = at - start;
      return count;
    }
    if (length > LONGEST_LABEL) return -1;
    labels[count++] = at - start;
    at += 1 + length;
  }
  return -1;
}

/**
 * Where a name ends that may be compressed (RFC 1035 §4.1.4), or -1. The pointer is not followed,
 * so a loop of them costs nothing.
 */
export function skipName(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; ) {
    const length = bytes[at] ?? 0;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2 <= end ? at + 2 : -1;
    if (length > LONGEST_LABEL || at - start > LONGEST_NAME) return -1;
    at += 1 + length;
  }
  return -1;
}
