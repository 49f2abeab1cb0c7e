import type { NameCounts } from '../controller/name-views.ts';
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

  /** All of it as text, with what there is at the moment. @param names what the name server has been asked */
  text(controller: Pick<ApiController, 'networks' | 'sandboxes' | 'ports'>, names: readonly NameCounts[]): string {
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
      ...nameFamilies(names),
      ...family('process_resident_memory_bytes', 'gauge', 'Resident memory.', [['', process.memoryUsage.rss()]]),
      ...family('process_start_time_seconds', 'gauge', 'Start of the daemon, seconds since 1970.', [['', Math.round(this.#started)]]),
      '',
    ].join('\n');
  }
}

function family(name: string, type: 'gauge' | 'counter' | 'histogram', help: string, samples: readonly (readonly [string, number])[]): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples.map(([key, value]) => `${name}${key} ${value}`)];
}

function nameFamilies([all, ...askers]: readonly NameCounts[]): string[] {
  if (all === undefined) return [];
  const { local, cached, forwarded, nxdomain, servfail, refused, dropped, malformed, timeouts, latency } = all;
  return [
    ...family('netctl_dns_queries_total', 'counter', 'Questions that came, by sandbox.', askers.map(({ asker, queries }) => [labels({ sandbox: asker ?? '' }), queries])),
    ...family('netctl_dns_answers_total', 'counter', 'Answers by where they came from.', by('from', { local, cached, forwarded })),
    ...family('netctl_dns_failures_total', 'counter', 'Answers that say no, and questions without one.', by('reason', { nxdomain, servfail, refused, dropped, malformed, timeouts })),
    ...latencyHistogram(latency),
  ];
}

function by(label: string, counts: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(counts).map(([value, number]) => [labels({ [label]: value }), number]);
}

/** Entry i of the latencies counts answers within 2^i µs that took at least half of that: their middle makes the sum. */
function latencyHistogram(latency: readonly number[]): string[] {
  const name = 'netctl_dns_latency_seconds';
  let answers = 0;
  let sum = 0;
  const buckets = latency.map((here, power): [string, number] => {
    answers += here;
    sum += here * 0.75 * 2 ** power * 1e-6;
    return [labels({ le: String(2 ** power / 1e6) }), answers];
  });
  const heading = family(name, 'histogram', 'Time from reading a question to sending its answer; the sum is an estimate.', []);
  const lines = [...buckets, [labels({ le: '+Inf' }), answers] as const].map(([key, value]) => `${name}_bucket${key} ${value}`);
  return [...heading, ...lines, `${name}_sum ${sum}`, `${name}_count ${answers}`];
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
