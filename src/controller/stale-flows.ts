import { setTimeout as after } from 'node:timers';
import { withoutLength } from '../common/address.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Op } from '../kernel/op.ts';
import type { EndpointRecord } from './records.ts';

/** Addresses that leave are gathered this long, ms: reading the kernel's table costs more than all else in detaching. */
const GATHER = 200;

const FAMILIES = [4, 6] as const;

/**
 * Has the kernel forget flows that nobody is to use any more. An established flow passes the packet
 * filter, for five days if it is TCP's: whoever kept one to an address would reach the next endpoint
 * that gets it, published or not. The quarantine of addresses is longer than this takes.
 */
export class StaleFlows implements AsyncDisposable {
  readonly #kernel: Pick<Kernel, 'apply'>;
  readonly #report: (error: unknown) => void;
  readonly #to = new Set<string>();
  readonly #from = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  /** @param report called when the kernel refuses */
  constructor(kernel: Pick<Kernel, 'apply'>, report: (error: unknown) => void) {
    this.#kernel = kernel;
    this.#report = report;
  }

  /** The endpoint has left: everything of its addresses. */
  left(endpoint: EndpointRecord): void {
    for (const block of blocksOf(endpoint)) this.#from.add(block);
    this.unpublished(endpoint);
  }

  /** Its ports lead there no more: what others began. */
  unpublished(endpoint: EndpointRecord): void {
    for (const block of blocksOf(endpoint)) this.#to.add(block);
    if (this.#to.size > 0) this.#timer ??= after(() => void this.flush().catch(this.#report), GATHER).unref();
  }

  /** Forgets them now. @throws {NetworkError} KERNEL */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const [to, from] = [[...this.#to], [...this.#from]];
    this.#to.clear();
    this.#from.clear();
    await this.#kernel.apply(forgetBlocks(to, from));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush().catch(this.#report);
  }
}

/** The operations that forget flows to and from blocks in CIDR form. */
export function forgetBlocks(to: readonly string[], from: readonly string[]): Op[] {
  return FAMILIES.flatMap((family): Op[] => {
    const [there, hence] = [to.filter(isOf(family)), from.filter(isOf(family))];
    return there.length + hence.length === 0 ? [] : [{ op: 'conntrack-flush', family, flows: [], to: there, from: hence }];
  });
}

function isOf(family: 4 | 6): (block: string) => boolean {
  return (block) => block.includes(':') === (family === 6);
}

/** An endpoint's addresses carry the prefix of their network; what is meant is the address alone. */
function blocksOf({ ipv4, ipv6 }: EndpointRecord): string[] {
  return [...(ipv4 === undefined ? [] : [`${withoutLength(ipv4)}/32`]), ...(ipv6 === undefined ? [] : [`${withoutLength(ipv6)}/128`])];
}
