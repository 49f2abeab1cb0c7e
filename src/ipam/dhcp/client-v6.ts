import { parseAddress, withoutLength } from '../../common/address.ts';
import { association, grantOf } from './lease-v6.ts';
import type { DhcpLease } from './lease.ts';
import type { Dhcp6Message } from './message-v6.ts';
import { DHCP6_OPTION, DHCP6_SERVERS, DHCP6_TYPE } from './protocol-v6.ts';
import type { Speaker, SpeakerStep } from './speaker.ts';

/** Who asks. */
export interface Client6Traits {
  /** Plain link-local address to ask from. */
  readonly from: string;
  readonly duid: Uint8Array;
  /** Four bytes. */
  readonly iaid: Uint8Array;
  /** One label. */
  readonly hostname?: string;
}

type Step = SpeakerStep<Dhcp6Message>;
type State = 'idle' | 'soliciting' | 'requesting' | 'bound' | 'renewing' | 'rebinding';

/** What each state asks by. */
const ASKS: Readonly<Partial<Record<State, number>>> = { soliciting: DHCP6_TYPE.SOLICIT, requesting: DHCP6_TYPE.REQUEST, renewing: DHCP6_TYPE.RENEW, rebinding: DHCP6_TYPE.REBIND };
/** RFC 8415 §7.6, ms: SOL_TIMEOUT (and REQ_TIMEOUT). */
const FIRST_WAIT = 1000;
/** SOL_MAX_RT, ms. */
const LONGEST_WAIT = 3_600_000;
/** REN_TIMEOUT and REB_TIMEOUT, ms. */
const FIRST_RENEW_WAIT = 10_000;
/** REQ_MAX_RC is 10; a server that advertised and says no more for so many requests is left. */
const MOST_REQUESTS = 5;

/**
 * The client's side of DHCPv6 for one address (RFC 8415 §18.2), without socket or clock. After a start it
 * rebinds: where the address is no good on the link any more, the answer says so.
 */
export class Dhcp6Client implements Speaker<Dhcp6Message> {
  /** Nobody waits for these addresses. */
  readonly refusal: string | undefined = undefined;
  readonly #traits: Client6Traits;
  readonly #random: () => number;
  #state: State = 'idle';
  #due: number | undefined;
  #lease: DhcpLease | undefined;
  /** DUID of the server that advertised, in hex. */
  #server: string | undefined;
  #transaction = 0;
  #began = 0;
  #tries = 0;

  /** @param random gives numbers from 0 up to 1 */
  constructor(traits: Client6Traits, random: () => number) {
    this.#traits = traits;
    this.#random = random;
  }

  get due(): number | undefined {
    return this.#due;
  }

  get isAsking(): boolean {
    return this.#state !== 'idle' && this.#state !== 'bound';
  }

  get waitsFor(): string {
    return 'a DHCPv6 server';
  }

  start(now: number, lease?: DhcpLease): Step[] {
    this.#lease = lease;
    if (lease === undefined) return this.#enter('soliciting', now);
    return lease.expires > now ? this.#enter('rebinding', now) : this.#lose('expired', now);
  }

  wake(now: number): Step[] {
    if (this.#due === undefined || now < this.#due) return [];
    const lease = this.#lease;
    if (lease !== undefined && now >= lease.expires) return this.#lose('expired', now);
    if (this.#state === 'bound' || this.#state === 'renewing') {
      const next = lease !== undefined && now >= lease.rebind ? 'rebinding' : 'renewing';
      return next === this.#state ? this.#ask(now) : this.#enter(next, now);
    }
    return this.#state === 'requesting' && this.#tries >= MOST_REQUESTS ? this.#enter('soliciting', now) : this.#ask(now);
  }

  receive(message: Dhcp6Message, _mac: string, now: number): Step[] {
    const { type, transaction, options } = message;
    const client = options.get(DHCP6_OPTION.CLIENT_ID);
    if (transaction !== this.#transaction || client === undefined || Buffer.compare(client, this.#traits.duid) !== 0) return [];
    const grant = grantOf(message, this.#traits.iaid, now);
    if (grant === undefined) return [];
    if (type === DHCP6_TYPE.ADVERTISE && this.#state === 'soliciting' && grant !== 'nothing') {
      this.#server = grant.lease.server;
      return this.#enter('requesting', now);
    }
    if (type !== DHCP6_TYPE.REPLY || (this.#state !== 'requesting' && this.#state !== 'renewing' && this.#state !== 'rebinding')) return [];
    if (grant === 'nothing') return this.#lose('refused', now);
    const before = this.#lease;
    this.#lease = grant.lease;
    this.#server = undefined;
    this.#state = 'bound';
    this.#due = Math.max(grant.lease.renew, now);
    const moved = before !== undefined && before.address !== grant.lease.address;
    return [...(moved ? [{ step: 'lost', lease: before, reason: 'changed' } as const] : []), { step: 'bound', lease: grant.lease }];
  }

  release(now: number): Step[] {
    return this.#giveBack(DHCP6_TYPE.RELEASE, now);
  }

  decline(now: number): Step[] {
    const steps = this.#giveBack(DHCP6_TYPE.DECLINE, now);
    this.#state = 'soliciting';
    this.#tries = MOST_REQUESTS;
    this.#due = now + this.#wait();
    return steps;
  }

  #giveBack(type: number, now: number): Step[] {
    const lease = this.#lease;
    this.#state = 'idle';
    this.#due = undefined;
    if (lease === undefined || lease.expires <= now) return [];
    this.#transaction = this.#number();
    const step = this.#send(type, 0);
    this.#lease = undefined;
    return [step];
  }

  #lose(reason: 'expired' | 'refused', now: number): Step[] {
    const lease = this.#lease;
    this.#lease = undefined;
    const lost: Step[] = lease === undefined ? [] : [{ step: 'lost', lease, reason }];
    if (lease !== undefined) return [...lost, ...this.#enter('soliciting', now)];
    // It refuses what it advertised: later.
    this.#state = 'soliciting';
    this.#server = undefined;
    this.#due = now + this.#wait();
    return lost;
  }

  #enter(state: State, now: number): Step[] {
    this.#state = state;
    if (state !== 'requesting') this.#server = undefined;
    this.#transaction = this.#number();
    this.#began = now;
    this.#tries = 0;
    return this.#ask(now);
  }

  #ask(now: number): Step[] {
    const type = ASKS[this.#state];
    if (type === undefined) return [];
    const lease = this.#lease;
    const end = lease === undefined ? Infinity : this.#state === 'renewing' ? lease.rebind : lease.expires;
    this.#due = Math.min(end, now + this.#wait());
    this.#tries += 1;
    return [this.#send(type, now - this.#began)];
  }

  #wait(): number {
    const first = this.#state === 'renewing' || this.#state === 'rebinding' ? FIRST_RENEW_WAIT : FIRST_WAIT;
    // RFC 8415 §15: a tenth more or less.
    return Math.min(first * 2 ** this.#tries, LONGEST_WAIT) * (0.9 + this.#random() * 0.2);
  }

  #send(type: number, elapsed: number): Step {
    const { duid, iaid, hostname, from } = this.#traits;
    const lease = this.#lease;
    const address = lease === undefined ? undefined : parseAddress(withoutLength(lease.address)).value.toString(16).padStart(32, '0');
    const options = new Map<number, Uint8Array>([[DHCP6_OPTION.CLIENT_ID, duid]]);
    const names = type === DHCP6_TYPE.RENEW || type === DHCP6_TYPE.RELEASE || type === DHCP6_TYPE.DECLINE ? lease?.server : this.#server;
    if (names !== undefined) options.set(DHCP6_OPTION.SERVER_ID, Buffer.from(names, 'hex'));
    options.set(DHCP6_OPTION.IA_NA, association(iaid, address));
    options.set(DHCP6_OPTION.ELAPSED, uint16(Math.min(Math.floor(elapsed / 10), 0xffff)));
    if (type !== DHCP6_TYPE.RELEASE && type !== DHCP6_TYPE.DECLINE) {
      options.set(DHCP6_OPTION.WANTED, Buffer.concat([uint16(DHCP6_OPTION.DNS), uint16(DHCP6_OPTION.SEARCH), uint16(DHCP6_OPTION.FQDN)]));
      // RFC 4704 §4: no flags, a name that is not complete.
      if (hostname !== undefined) options.set(DHCP6_OPTION.FQDN, Buffer.from([0, hostname.length, ...Buffer.from(hostname)]));
    }
    return { step: 'send', message: { type, transaction: this.#transaction, options }, from, to: DHCP6_SERVERS };
  }

  #number(): number {
    return Math.floor(this.#random() * 0x100_0000);
  }
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}
