import type { Clock } from './context.ts';

/** Something that happened, as `netctl events` prints it. */
export interface ControllerEvent {
  /** ISO 8601. */
  readonly time: string;
  readonly type: 'network' | 'sandbox' | 'endpoint' | 'link' | 'port' | 'address' | 'host' | 'daemon';
  /** A verb: create, connect, disconnect, remove, publish, repair, warning … */
  readonly action: string;
  readonly id: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Tells listeners what happens, in order. */
export class EventHub {
  readonly #listeners = new Set<(event: ControllerEvent) => void>();
  readonly #now: Clock;

  constructor(now: Clock) {
    this.#now = now;
  }

  /** Calls the listener for every event until disposed. */
  subscribe(listener: (event: ControllerEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  emit(event: Omit<ControllerEvent, 'time' | 'attributes'> & { readonly attributes?: Readonly<Record<string, string>> }): void {
    const full: ControllerEvent = { time: new Date(this.#now()).toISOString(), attributes: {}, ...event };
    for (const listener of this.#listeners) listener(full);
  }

  /** A finding that somebody should read: in the log and in `netctl events`. */
  warn(message: string): void {
    this.emit({ type: 'daemon', action: 'warning', id: '', name: message });
  }
}
