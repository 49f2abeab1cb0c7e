const ZERO = 48;
const DOT = 46;

/**
 * Dotted-quad text to an unsigned 32-bit number; undefined for anything else. Octal, hex, short
 * forms and leading zeros are refused: programs disagree on what they mean (RFC 6943 §3.1.1).
 */
export function parseV4(text: string): number | undefined {
  if (text.length > 15) return undefined;
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) {
      if (octet < 0 || ++dots > 3) return undefined;
      value = value * 256 + octet;
      octet = -1;
      continue;
    }
    const digit = code - ZERO;
    if (digit < 0 || digit > 9 || octet === 0) return undefined;
    octet = octet < 0 ? digit : octet * 10 + digit;
    if (octet > 255) return undefined;
  }
  return octet < 0 || dots !== 3 ? undefined : value * 256 + octet;
}

/** Unsigned 32-bit number to dotted text. */
export function formatV4(value: number): string {
  return `${(value >>> 24) & 255}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}
