import { randomInt } from 'node:crypto';

const QUALITIES = ['brave', 'bright', 'calm', 'clever', 'eager', 'fair', 'gentle', 'happy', 'keen', 'lucid', 'merry', 'nimble', 'proud', 'quick', 'quiet', 'sharp', 'sunny', 'swift', 'warm', 'wise'];
const PEOPLE = ['baran', 'cerf', 'clark', 'crocker', 'davies', 'engelbart', 'feinler', 'floyd', 'jacobson', 'kahn', 'kleinrock', 'licklider', 'metcalfe', 'mockapetris', 'perlman', 'postel', 'pouzin', 'roberts', 'stevens', 'zimmermann'];

/** A name for a sandbox that nobody named, like those of Docker: `brave_perlman_4f2a`. */
export function randomName(): string {
  return `${pick(QUALITIES)}_${pick(PEOPLE)}_${randomInt(0x1_0000).toString(16).padStart(4, '0')}`;
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? '';
}
