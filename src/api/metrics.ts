import type { ApiController } from './api-controller.ts';

interface Tally {
  count: number;
  seconds: number;
}

/** Counters of the daemon, as Prometheus reads them (exposition format 0.0.4). */
export class Metrics {
  readonly #requests = new Map<string, Tally>();
  readonly #events = new Map<string, number>();
  readonly #started = Date.now() / 1000 - process.uptime();

  /** Counts a request that has been answered. @param seconds from its first byte to the end of the answer */
  request(method: string, route: string, status: number, seconds: number): void {
    const key = labels({ method, route, status: String(status) });
    const tally = this.#requests.get(key) ?? { count: 0, seconds: 0 };
    this.#requests.set(key, { count: tally.count + 1, seconds: tally.seconds + seconds });
  }

  /** Counts an event of the controller; repairs of drift are `type="host",action="repair"`. */
  event(type: string, action: string): void {
    const key = labels({ type, action });
    this.#events.set(key, (this.#events.get(key) ?? 0) + 1);
  }

  /** All of it as text, with what there is at the moment. */
  text(controller: Pick<ApiController, 'networks' | 'sandboxes' | 'ports'>): string {
    const networks = controller.networks();
    const requests = [...this.#requests];
    const drivers = count(networks.map(({ driver }) => labels({ driver })));
    const protocols = count(controller.ports().map(({ protocol }) => labels({ protocol })));
    return [
      ...family('netctl_networks', 'gauge', 'Networks by driver.', drivers),
      ...family('netctl_sandboxes', 'gauge', 'Sandboxes.', [['', controller.sandboxes().length]]),
      ...family('netctl_endpoints', 'gauge', 'Endpoints of sandboxes and containers.', [['', networks.reduce((sum, { endpoints }) => sum + endpoints.length, 0)]]),
      ...family('netctl_published_ports', 'gauge', 'Published ports by protocol.', protocols),
      ...family('netctl_repairs_total', 'counter', 'Repairs of what differed from what is written down.', [['', this.#events.get(labels({ type: 'host', action: 'repair' })) ?? 0]]),
      ...family('netctl_events_total', 'counter', 'Events by type and action.', [...this.#events]),
      ...family('netctl_http_requests_total', 'counter', 'Requests by method, route and status.', requests.map(([key, { count: number }]) => [key, number])),
      ...family('netctl_http_request_seconds_total', 'counter', 'Time spent on those requests.', requests.map(([key, { seconds }]) => [key, seconds])),
      ...family('process_resident_memory_bytes', 'gauge', 'Resident memory.', [['', process.memoryUsage.rss()]]),
      ...family('process_start_time_seconds', 'gauge', 'Start of the daemon, seconds since 1970.', [['', Math.round(this.#started)]]),
      '',
    ].join('\n');
  }
}

function family(name: string, type: 'gauge' | 'counter', help: string, samples: readonly (readonly [string, number])[]): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples.map(([key, value]) => `${name}${key} ${value}`)];
}

function labels(pairs: Readonly<Record<string, string>>): string {
  return `{${Object.entries(pairs).map(([key, value]) => `${key}="${escapeLabel(value)}"`).join(',')}}`;
}

function escapeLabel(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}

function count(keys: readonly string[]): [string, number][] {
  const tally = new Map<string, number>();
  for (const key of keys) tally.set(key, (tally.get(key) ?? 0) + 1);
  return [...tally];
}
