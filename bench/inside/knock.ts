/** Reads plain IPv4 addresses, a line each, and says for each how many ms it took until something there answered: a closed TCP port does, with a reset. */
import { createInterface } from 'node:readline';
import { BlockingSocket } from './blocking-socket.ts';

/** A port that nobody listens at: discard, RFC 863. */
const PORT = 9;

/** asm-generic/errno.h */
const ECONNREFUSED = 111;

for await (const address of createInterface({ input: process.stdin })) {
  const asked = performance.now();
  console.log(answers(address) ? performance.now() - asked : 'nothing');
}

function answers(address: string): boolean {
  try {
    BlockingSocket.connect(address, PORT)[Symbol.dispose]();
    return true;
  } catch (error) {
    return (error as Error).message.endsWith(`errno ${String(ECONNREFUSED)}`);
  }
}
