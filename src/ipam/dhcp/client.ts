import { parseV4 } from '../../common/address-v4.ts';
import { withoutLength } from '../../common/address.ts';
import { leaseOf, type DhcpLease } from './lease.ts';
import type { Speaker, SpeakerStep } from './speaker.ts';
import type { DhcpMessage } from './message.ts';
import { readAddresses } from './option-values.ts';
import { DHCP_OPTION, DHCP_TYPE } from './protocol.ts';
import { refusalOf } from './refusal.ts';

/** Who asks, and what for. */
export interface ClientTraits {
  readonly mac: string;
  /** Option 61. */
  readonly clientId: Uint8Array;
  /** Option 12: one label. */
  readonly hostname?: string;
  /** Plain address; no other one is taken. */
  readonly wanted?: string;
  /** Plain address that it had once and would like again. */
  readonly former?: string;
  /** What is asked from is not what will have the address: everything is broadcast, and nothing says that we have it. */
  readonly apart?: boolean;
}

type ClientStep = SpeakerStep<DhcpMessage>;
type State = 'idle' | 'rebooting' | 'selecting' | 'requesting' | 'bound' | 'renewing' | 'rebinding';

const ANYONE = '0.0.0.0';
const EVERYBODY = '255.255.255.255';
const WANTED = [
  DHCP_OPTION.MASK, DHCP_OPTION.ROUTES, DHCP_OPTION.ROUTER, DHCP_OPTION.DNS, DHCP_OPTION.DOMAIN, DHCP_OPTION.SEARCH,
  DHCP_OPTION.MTU, DHCP_OPTION.LEASE_TIME, DHCP_OPTION.RENEW, DHCP_OPTION.REBIND,
] as const;
/** Largest message that we take, bytes. */
const MOST = 1472;

/** RFC 2131 §4.1 begins at 4 s, for networks of its time; then twice as long each time, ± half a second of chance. ms */
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 64_000;
const CHANCE = 500;
/** RFC 2131 §4.4.5: between two tries to renew, ms. */
const LEAST_RENEW_WAIT = 60_000;
/** A server that offered and says no more is left after so many requests; a lease from before counts after as many. */
const MOST_REQUESTS = 4;

/**
 * The client's side of RFC 2131 §4.4, without socket or clock: it is told what came and what time it
 * is (ms since 1970), and says what is to be done. Call {@link wake} when it is {@link due}.
 */
export class DhcpClient implements Speaker<DhcpMessage> {
  readonly #traits: ClientTraits;
  readonly #random: () => number;
  #state: State = 'idle';
  #due: number | undefined;
  #lease: DhcpLease | undefined;
  #offer: { readonly address: string; readonly server: string } | undefined;
  #other: { readonly address: string; readonly server: string } | undefined;
  #last: string | undefined;
  #transaction = 0;
  #began = 0;
  #sent = 0;
  #tries = 0;
  #refusals = 0;
  #refusal: string | undefined;

  /** @param random gives numbers from 0 up to 1 */
  constructor(traits: ClientTraits, random: () => number) {
    this.#traits = traits;
    this.#last = traits.former;
    this.#random = random;
  }

  /** When {@link wake} is to be called, ms since 1970; undefined before {@link start} and after {@link release}. */
  get due(): number | undefined {
    return this.#due;
  }

  /** It waits for an answer. */
  get isAsking(): boolean {
    return this.#state !== 'idle' && this.#state !== 'bound';
  }

  /** What is waited for, in words. */
  get waitsFor(): string {
    if (this.#state === 'selecting') return 'an offer of a DHCP server';
    return this.#offer === undefined ? `DHCP server ${this.#lease?.server ?? ''}` : `DHCP server ${this.#offer.server} to confirm ${this.#offer.address}`;
  }

  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** Begins: with a lease from before, asks whether it counts still; else looks for a server. */
  start(now: number, lease?: DhcpLease): ClientStep[] {
    this.#lease = lease;
    if (lease !== undefined && lease.expires > now) return this.#enter('rebooting', now);
    return lease === undefined ? this.#enter('selecting', now) : this.#lose('expired', now);
  }

  /** Time has come. */
  wake(now: number): ClientStep[] {
    if (this.#due === undefined || now < this.#due) return [];
    const lease = this.#lease;
    if (lease !== undefined && now >= lease.expires) return this.#lose('expired', now);
    switch (this.#state) {
      case 'idle':
        return [];
      case 'requesting':
        return this.#tries >= MOST_REQUESTS ? this.#enter('selecting', now) : this.#ask(now);
      case 'rebooting':
        // RFC 2131 §3.2: it is ours until it expires, also when nobody answers.
        if (lease === undefined || this.#tries < MOST_REQUESTS) return this.#ask(now);
        this.#rest(lease, now);
        return [];
      case 'bound':
        return this.#enter(lease !== undefined && now >= lease.rebind ? 'rebinding' : 'renewing', now);
      case 'renewing':
        return lease !== undefined && now >= lease.rebind ? this.#enter('rebinding', now) : this.#ask(now);
      case 'selecting': {
        const other = this.#other;
        this.#other = undefined;
        return [...(other === undefined ? [] : [{ step: 'other-offered', ...other } as const]), ...this.#ask(now)];
      }
      case 'rebinding':
        return this.#ask(now);
    }
  }

  /** A message came from a MAC address; one that is not for us, or not now, changes nothing. */
  receive(message: DhcpMessage, mac: string, now: number): ClientStep[] {
    if (message.from !== 'server' || message.transaction !== this.#transaction || message.mac !== this.#traits.mac) return [];
    const [server] = readAddresses(message.options.get(DHCP_OPTION.SERVER));
    switch (message.options.get(DHCP_OPTION.TYPE)?.[0]) {
      case DHCP_TYPE.OFFER:
        return this.#state === 'selecting' && server !== undefined ? this.#offered({ address: message.yourAddress, server }, now) : [];
      case DHCP_TYPE.ACK:
        return this.#acknowledged(leaseOf(message, this.#sent, mac), now);
      case DHCP_TYPE.NAK:
        if (!this.#isRequesting || (this.#offer !== undefined && server !== this.#offer.server)) return [];
        this.#refusal = refusalOf(message, this.#offer?.address ?? plain(this.#lease), server ?? mac);
        return this.#lose('refused', now);
      default:
        return [];
    }
  }

  /** The address is given back (RFC 2131 §4.4.6), and that is the end. */
  release(now: number): ClientStep[] {
    const lease = this.#lease;
    this.#state = 'idle';
    this.#due = undefined;
    this.#lease = undefined;
    if (lease === undefined || lease.expires <= now) return [];
    this.#transaction = this.#number();
    const message = this.#message(DHCP_TYPE.RELEASE, { clientAddress: plain(lease), server: lease.server });
    return [this.#toServer(message, lease)];
  }

  /** Somebody else has the address: the server is told, and another one is looked for (RFC 2131 §4.4.1). */
  decline(now: number): ClientStep[] {
    const lease = this.#lease;
    if (lease === undefined) return [];
    const message = this.#message(DHCP_TYPE.DECLINE, { requested: plain(lease), server: lease.server });
    this.#lease = undefined;
    this.#last = undefined;
    this.#refusals += 1;
    this.#state = 'selecting';
    this.#pause(now);
    return [{ step: 'send', message, from: ANYONE, to: EVERYBODY }];
  }

  get #isRequesting(): boolean {
    return this.#state === 'requesting' || this.#state === 'rebooting' || this.#state === 'renewing' || this.#state === 'rebinding';
  }

  #offered(offer: { readonly address: string; readonly server: string }, now: number): ClientStep[] {
    const { wanted } = this.#traits;
    if (wanted !== undefined && offer.address !== wanted) {
      // Another server may have it: that is seen when it is time to ask again.
      this.#other = offer;
      return [];
    }
    this.#offer = offer;
    return this.#enter('requesting', now);
  }

  #acknowledged(lease: DhcpLease | undefined, now: number): ClientStep[] {
    if (!this.#isRequesting || lease === undefined) return [];
    if (this.#state === 'requesting' && plain(lease) !== this.#offer?.address) return [];
    const { wanted } = this.#traits;
    // A server that lends another one instead has refused the one that was asked for.
    if (wanted !== undefined && plain(lease) !== wanted) return this.#lose('refused', now);
    const before = this.#lease;
    const moved = before !== undefined && before.address !== lease.address;
    this.#lease = lease;
    this.#last = plain(lease);
    this.#refusals = 0;
    this.#rest(lease, now);
    return [...(moved ? [{ step: 'lost', lease: before, reason: 'changed' } as const] : []), { step: 'bound', lease }];
  }

  #lose(reason: 'expired' | 'refused', now: number): ClientStep[] {
    const lease = this.#lease;
    this.#lease = undefined;
    if (reason === 'refused') {
      this.#last = undefined;
      this.#refusals += 1;
    } else if (lease !== undefined) this.#last = plain(lease);
    const lost: ClientStep[] = lease === undefined ? [] : [{ step: 'lost', lease, reason }];
    // A server that refuses what it offers would be asked without end.
    if (this.#refusals <= 1) return [...lost, ...this.#enter('selecting', now)];
    this.#state = 'selecting';
    this.#pause(now);
    return lost;
  }

  #pause(now: number): void {
    this.#offer = undefined;
    this.#tries = 0;
    this.#transaction = this.#number();
    this.#due = now + Math.min(FIRST_WAIT * 2 ** this.#refusals, LONGEST_WAIT);
  }

  #rest(lease: DhcpLease, now: number): void {
    this.#state = 'bound';
    this.#offer = undefined;
    const next = [lease.renew, lease.rebind, lease.expires].find((time) => time > now);
    this.#due = next ?? now;
  }

  #enter(state: State, now: number): ClientStep[] {
    this.#state = state;
    if (state !== 'requesting') {
      // The request goes on with the number of its offer (RFC 2131 §4.4.1).
      this.#transaction = this.#number();
      this.#offer = undefined;
      this.#began = now;
    }
    this.#tries = 0;
    return this.#ask(now);
  }

  #ask(now: number): ClientStep[] {
    this.#sent = now;
    this.#due = this.#nextTry(now);
    this.#tries += 1;
    const seconds = Math.floor((now - this.#began) / 1000);
    const everybody = { step: 'send', from: ANYONE, to: EVERYBODY } as const;
    const lease = this.#lease;
    if (this.#state === 'selecting') {
      const requested = this.#traits.wanted ?? this.#last;
      return [{ ...everybody, message: this.#message(DHCP_TYPE.DISCOVER, { seconds, ...(requested === undefined ? {} : { requested }) }) }];
    }
    if (this.#state === 'requesting' && this.#offer !== undefined) {
      const { address, server } = this.#offer;
      return [{ ...everybody, message: this.#message(DHCP_TYPE.REQUEST, { seconds, requested: address, server }) }];
    }
    if (lease === undefined) return [];
    if (this.#state === 'rebooting' || this.#traits.apart === true) {
      return [{ ...everybody, message: this.#message(DHCP_TYPE.REQUEST, { seconds, requested: plain(lease) }) }];
    }
    const message = this.#message(DHCP_TYPE.REQUEST, { seconds, clientAddress: plain(lease) });
    return [this.#state === 'renewing' ? this.#toServer(message, lease) : { ...everybody, from: plain(lease), message }];
  }

  #nextTry(now: number): number {
    const lease = this.#lease;
    if (lease !== undefined && (this.#state === 'renewing' || this.#state === 'rebinding')) {
      const end = this.#state === 'renewing' ? lease.rebind : lease.expires;
      return Math.min(end, now + Math.max((end - now) / 2, LEAST_RENEW_WAIT));
    }
    const wait = Math.min(FIRST_WAIT * 2 ** this.#tries, LONGEST_WAIT) + (this.#random() * 2 - 1) * CHANCE;
    return lease === undefined ? now + wait : Math.min(lease.expires, now + wait);
  }

  #toServer(message: DhcpMessage, lease: DhcpLease): ClientStep {
    if (this.#traits.apart === true) return { step: 'send', message, from: ANYONE, to: EVERYBODY };
    return { step: 'send', message, from: plain(lease), to: lease.server, mac: lease.serverMac };
  }

  #message(type: number, parts: { readonly seconds?: number; readonly clientAddress?: string; readonly requested?: string; readonly server?: string }): DhcpMessage {
    const { hostname, clientId, mac } = this.#traits;
    const { seconds = 0, clientAddress = ANYONE, requested, server } = parts;
    const asks = type === DHCP_TYPE.DISCOVER || type === DHCP_TYPE.REQUEST;
    const options = new Map<number, Uint8Array>([[DHCP_OPTION.TYPE, Uint8Array.of(type)]]);
    options.set(DHCP_OPTION.CLIENT_ID, clientId);
    if (requested !== undefined) options.set(DHCP_OPTION.REQUESTED, addressBytes(requested));
    if (server !== undefined) options.set(DHCP_OPTION.SERVER, addressBytes(server));
    if (asks) {
      options.set(DHCP_OPTION.MOST, Uint8Array.of(MOST >> 8, MOST & 0xff));
      if (hostname !== undefined) options.set(DHCP_OPTION.HOSTNAME, Buffer.from(hostname));
      options.set(DHCP_OPTION.WANTED, Uint8Array.from(WANTED));
    }
    // Without an address nobody can be sent to but everybody; links that share a MAC address hear nothing else.
    const broadcast = asks && clientAddress === ANYONE;
    return { from: 'client', transaction: this.#transaction, seconds, broadcast, clientAddress, yourAddress: ANYONE, mac, options };
  }

  #number(): number {
    return Math.floor(this.#random() * 0x1_0000_0000) >>> 0;
  }
}

function plain(lease: DhcpLease | undefined): string {
  return lease === undefined ? '' : withoutLength(lease.address);
}

function addressBytes(text: string): Uint8Array {
  const value = parseV4(text) ?? 0;
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}
