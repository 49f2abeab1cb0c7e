import { request, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { z } from 'zod';

/** What an engine tells the moment it happens. */
export interface EngineNews {
  /** Id of the container that came into a network, or has another name now. */
  readonly container: string;
  /** Id of the network that it came into; left out for a name. */
  readonly network?: string;
}

const connected = z.object({ Type: z.literal('network'), Action: z.literal('connect'), Actor: z.object({ ID: z.string(), Attributes: z.object({ container: z.string() }) }) });
const renamed = z.object({ Type: z.literal('container'), Action: z.literal('rename'), Actor: z.object({ ID: z.string() }) });

const FILTERS = JSON.stringify({ type: ['network', 'container'], event: ['connect', 'rename'] });

/** The stream of an engine's events (`docker events`), read as long as the engine lasts. What was told while nobody read is lost. */
export class EngineEvents {
  readonly #socketPath: string;
  readonly #signal: AbortSignal;
  readonly #heed: (news: EngineNews) => void;
  #isOpen = false;

  /**
   * @param socket path of the engine's
   * @param signal ends reading
   * @param heed called with each of its news
   */
  constructor(socket: string, signal: AbortSignal, heed: (news: EngineNews) => void) {
    this.#socketPath = socket;
    this.#signal = signal;
    this.#heed = heed;
  }

  /** Reads on, if nobody does. An engine that cannot be read is asked at the next call. */
  follow(): void {
    if (this.#isOpen || this.#signal.aborted) return;
    this.#isOpen = true;
    const call = request({ socketPath: this.#socketPath, path: `/events?filters=${encodeURIComponent(FILTERS)}`, headers: { host: 'docker' }, agent: false, signal: this.#signal }, (response) => this.#read(response));
    // Whoever asks the engine for its state says what is the matter with it.
    call.once('error', () => {});
    call.once('close', () => {
      this.#isOpen = false;
    });
    call.end();
  }

  #read(response: IncomingMessage): void {
    response.on('error', () => {});
    if (response.statusCode !== 200) return void response.resume();
    createInterface({ input: response }).on('line', (line) => {
      const news = parse(line);
      if (news !== undefined) this.#heed(news);
    }).on('error', () => {});
  }
}

function parse(line: string): EngineNews | undefined {
  try {
    const event = z.union([connected, renamed]).parse(JSON.parse(line));
    return event.Type === 'network' ? { container: event.Actor.Attributes.container, network: event.Actor.ID } : { container: event.Actor.ID };
  } catch {
    // Others than we asked for, or of an engine that has other words for them.
    return undefined;
  }
}
