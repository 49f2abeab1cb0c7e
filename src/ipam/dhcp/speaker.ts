import type { DhcpLease } from './lease.ts';

/** What the owner of a client is to do. */
export type SpeakerStep<Message> =
  | { readonly step: 'send'; readonly message: Message; /** Plain addresses; a MAC where it is not for everybody. */ readonly from: string; readonly to: string; readonly mac?: string }
  | LeaseStep;

/** What became of an address. */
export type LeaseStep =
  /** Lent, or lent again. */
  | { readonly step: 'bound'; readonly lease: DhcpLease }
  /** The address is not ours any more. */
  | { readonly step: 'lost'; readonly lease: DhcpLease; readonly reason: 'expired' | 'refused' | 'changed' }
  /** Nobody gives the wanted address: one server offers another one. */
  | { readonly step: 'other-offered'; readonly server: string; readonly address: string };

/** A client of one of the two protocols, without socket or clock. Times are ms since 1970. */
export interface Speaker<Message> {
  /** When {@link wake} is to be called; undefined before the start and after the end. */
  readonly due: number | undefined;
  /** It waits for an answer. */
  readonly isAsking: boolean;
  /** For what, in words. */
  readonly waitsFor: string;
  /** Which server said no last, in words; undefined where none did. */
  readonly refusal: string | undefined;
  /** @param lease one from before */
  start(now: number, lease?: DhcpLease): SpeakerStep<Message>[];
  wake(now: number): SpeakerStep<Message>[];
  /** @param mac from which it came */
  receive(message: Message, mac: string, now: number): SpeakerStep<Message>[];
  /** Gives the address back, and ends. */
  release(now: number): SpeakerStep<Message>[];
  /** Somebody else has the address. */
  decline(now: number): SpeakerStep<Message>[];
}
