import type { Command } from 'commander';
import { getSandbox } from '../../api/calls.ts';
import type { SandboxView } from '../../controller/views.ts';
import { addFormat } from '../format.ts';
import { inspect } from '../inspect.ts';
import { portPairs } from '../port-text.ts';
import { formatSheet } from '../table.ts';

/** `netctl sandbox inspect` */
export function sandboxInspect(command: Command): void {
  addFormat(command, 'json')
    .argument('<sandbox...>', 'names or ids')
    .action((sandboxes: string[], _options: unknown, self: Command) => inspect(self, sandboxes, getSandbox, sheet));
}

function sheet(sandbox: SandboxView): string[] {
  return formatSheet([
    ['Name', sandbox.name],
    ['Id', sandbox.id],
    ['Kind', sandbox.lease === undefined ? sandbox.kind : `run, for process ${sandbox.lease.pid}`],
    ['Namespace', sandbox.namespace],
    ['Created', sandbox.created],
    ['Hostname', sandbox.hostname],
    ['Labels', pairs(sandbox.labels)],
    ['Hosts', sandbox.extraHosts],
    ['Resolver', sandbox.resolver ?? '-'],
    ['DNS', [...sandbox.dns.servers, ...sandbox.dns.search, ...sandbox.dns.options]],
    ['Links', sandbox.links],
    ['Sysctls', pairs(sandbox.sysctls)],
    ['Exposed', sandbox.exposed],
    ['Ports', portPairs(sandbox.ports, []).map(({ container, host }) => `${container} -> ${host}`)],
    ['Networks', sandbox.endpoints.map(endpointText)],
  ]);
}

function pairs(record: Readonly<Record<string, string>>): string[] {
  return Object.entries(record).map(([name, value]) => `${name}=${value}`);
}

function endpointText({ network, interface: link, ipv4, ipv6, mac, aliases, gatewayFor }: SandboxView['endpoints'][number]): string {
  const leads = gatewayFor.length === 0 ? [] : [`default route IPv${gatewayFor.join(' and IPv')}`];
  return [`${network}:`, link, ipv4, ipv6, mac, ...leads, ...(aliases.length === 0 ? [] : [`alias ${aliases.join(', ')}`])].filter((part) => part !== null).join(' ');
}
