import type { Command } from 'commander';
import { listNetworks, listPorts, listSandboxes } from '../../api/calls.ts';
import { withoutLength } from '../../common/address.ts';
import type { EndpointView, PortView } from '../../controller/views.ts';
import { Engine, type Container } from '../engine.ts';
import { addFormat, printJson, type Format } from '../format.ts';
import { print } from '../output.ts';
import { portPairs } from '../port-text.ts';
import { openSession } from '../session.ts';
import { formatTable, shortId } from '../table.ts';

/** One line of `netctl ps`. */
interface Row {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly networks: readonly string[];
  readonly addresses: readonly string[];
  readonly ports: readonly string[];
}

/** `netctl ps` */
export function ps(command: Command): void {
  addFormat(command, 'table').action(async (options: { readonly format: Format }, self: Command) => {
    const session = openSession(self);
    const [networks, sandboxes, ports] = await Promise.all([session.ask(listNetworks()), session.ask(listSandboxes()), session.ask(listPorts())]);
    const foreign = networks.flatMap(({ endpoints }) => endpoints).filter(({ sandbox }) => sandbox === null);
    const containers = foreign.length === 0 ? [] : await Engine.fromEnvironment().containers();
    const rows = [
      ...sandboxes.map(({ id, name, kind, lease, endpoints }): Row => describe(id, name, lease === undefined ? kind : 'run', endpoints, portsOf(ports, [name]))),
      ...containerRows(foreign, containers, ports),
    ];
    if (options.format === 'json') return printJson(rows);
    const lines = rows.map(({ id, name, kind, networks: joined, addresses, ports: open }) => [shortId(id), name, kind, list(joined), list(addresses), list(open)]);
    print(...formatTable(['ID', 'NAME', 'KIND', 'NETWORKS', 'ADDRESSES', 'PORTS'], lines));
  });
}

/** A container with all of its endpoints on a line; an endpoint whose container nobody knows on one of its own. */
function containerRows(endpoints: readonly EndpointView[], containers: readonly Container[], ports: readonly PortView[]): Row[] {
  const known = containers.flatMap((container): Row[] => {
    const own = endpoints.filter(({ id }) => container.endpointIds.includes(id));
    if (own.length === 0) return [];
    const named = own.map((endpoint) => Object.assign({}, endpoint, { network: container.networks[endpoint.id] ?? endpoint.network }));
    return [describe(container.id, container.name, 'container', named, portsOf(ports, container.endpointIds))];
  });
  const claimed = new Set(containers.flatMap(({ endpointIds }) => endpointIds));
  const others = endpoints.filter(({ id }) => !claimed.has(id));
  return [...known, ...others.map((endpoint) => describe(endpoint.id, '-', 'container', [endpoint], portsOf(ports, [endpoint.id])))];
}

function describe(id: string, name: string, kind: string, endpoints: readonly EndpointView[], ports: readonly string[]): Row {
  const addresses = endpoints.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]).flatMap((cidr) => (cidr === null ? [] : [withoutLength(cidr)]));
  return { id, name, kind, networks: endpoints.map(({ network }) => network), addresses, ports };
}

/** `0.0.0.0:8080->80/tcp`, as `docker ps` writes them. */
function portsOf(ports: readonly PortView[], owners: readonly string[]): string[] {
  const own = ports.filter(({ owner }) => owners.includes(owner));
  return portPairs(own, own[0]?.addresses ?? []).map(({ container, host }) => `${host}->${container}`);
}

function list(items: readonly string[]): string {
  return items.length === 0 ? '-' : items.join(', ');
}
