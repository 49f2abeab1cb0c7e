import { readlinkSync } from 'node:fs';
import type { KernelEvent } from '../kernel.ts';
import { NETFILTER, NETLINK } from '../netlink/constants.ts';
import { Attributes } from '../netlink/message-reader.ts';
import { EventSocket } from './event-socket.ts';

/** linux/netfilter.h: NFPROTO_*, in nft's words. */
const FAMILIES: Readonly<Record<number, string>> = { 1: 'inet', 2: 'ip', 3: 'arp', 5: 'netdev', 7: 'bridge', 10: 'ip6' };

/** include/linux/sched.h: TASK_COMM_LEN without its NUL. */
const LONGEST_COMM = 15;

/** Who is changing rules on our behalf. */
export interface OwnProgram {
  /** Its process name as the kernel keeps it. */
  readonly comm: string;
  /** Its process or thread id; undefined while it is not known yet. */
  processId: number | undefined;
}

/** One finished transaction of somebody. */
interface Generation {
  readonly tables: readonly string[];
  readonly comm: string | undefined;
  readonly processId: number | undefined;
}

/** The name under which the kernel knows a program. */
export function commOf(program: string): string {
  return program.slice(program.lastIndexOf('/') + 1, LONGEST_COMM + program.lastIndexOf('/') + 1);
}

/**
 * The nftables rules of the namespace in which it was made. The kernel names at the end of each
 * transaction the process that made it, by its number in the first PID namespace; where we stand in
 * another one, numbers mean nothing and the name has to do.
 */
export class NftWatch implements Disposable {
  readonly #events = new EventSocket(NETLINK.NETFILTER, [NETFILTER.GROUP_NFTABLES]);
  readonly #numbersCount: boolean = inFirstPidNamespace();
  #tables = new Set<string>();
  /** Of a program of ours that has not said its number yet. */
  #undecided: Generation[] = [];

  get fd(): number {
    return this.#events.fd;
  }

  [Symbol.dispose](): void {
    this.#events[Symbol.dispose]();
  }

  /** What has happened since, without what `own` did. */
  read(own: OwnProgram | undefined): KernelEvent[] {
    const generations: Generation[] = [];
    const complete = this.#events.read(({ type, payload }) => {
      if (type >> 8 !== NETFILTER.SUBSYS_NFTABLES || payload.length < 4) return;
      const attributes = new Attributes(payload, 4);
      if ((type & 0xff) !== NETFILTER.NFT_NEWGEN) {
        const table = attributes.text(NETFILTER.TABLE_NAME);
        if (table !== undefined) this.#tables.add(`${FAMILIES[payload.readUInt8(0)] ?? payload.readUInt8(0)} ${table}`);
        return;
      }
      generations.push({ tables: [...this.#tables], comm: attributes.text(NETFILTER.GEN_PROC_NAME), processId: attributes.u32BigEndian(NETFILTER.GEN_PROC_PID) });
      this.#tables = new Set();
    });
    const events = this.#foreign(generations, own).map(({ tables }): KernelEvent => ({ event: 'firewall-changed', tables }));
    if (!complete) events.push({ event: 'overflow' });
    return events;
  }

  /** No program of ours is at work any more: what was left open is decided. */
  settle(own: OwnProgram): KernelEvent[] {
    const undecided = this.#undecided;
    this.#undecided = [];
    const number = { ...own, processId: own.processId ?? -1 };
    return this.#foreign(undecided, number).map(({ tables }) => ({ event: 'firewall-changed', tables }));
  }

  #foreign(generations: readonly Generation[], own: OwnProgram | undefined): Generation[] {
    return generations.filter((generation) => {
      if (own === undefined || generation.comm !== own.comm) return true;
      if (!this.#numbersCount) return false;
      if (own.processId === undefined) this.#undecided.push(generation);
      return own.processId !== undefined && own.processId !== generation.processId;
    });
  }
}

function inFirstPidNamespace(): boolean {
  try {
    // linux/proc_ns.h: PROC_PID_INIT_INO
    return readlinkSync('/proc/self/ns/pid') === 'pid:[4026531836]';
  } catch {
    return false;
  }
}
