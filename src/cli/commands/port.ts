import type { Command } from 'commander';
import { listPorts, listSandboxes } from '../../api/calls.ts';
import { NetworkError } from '../../common/error.ts';
import { quote } from '../../common/quote.ts';
import type { PortView, SandboxView } from '../../controller/views.ts';
import { Engine } from '../engine.ts';
import { addFormat, printJson, type Format } from '../format.ts';
import { print } from '../output.ts';
import { portPairs, type PortPair } from '../port-text.ts';
import { openSession, type Session } from '../session.ts';

/** `netctl port` */
export function port(command: Command): void {
  addFormat(command, 'table')
    .argument('<sandbox>', 'sandbox, or container of a Docker engine, by name or id')
    .argument('[port]', 'only this port: PORT[/tcp|udp|sctp]')
    .action(async (name: string, wanted: string | undefined, options: { readonly format: Format }, self: Command) => {
      const pairs = await portsOf(openSession(self), name);
      const chosen = wanted === undefined ? pairs : pairs.filter(({ container }) => container === fullPort(wanted));
      if (wanted !== undefined && chosen.length === 0) throw new NetworkError('NOT_FOUND', `port ${quote(fullPort(wanted))} of ${quote(name)} is not published`);
      if (options.format === 'json') printJson(chosen);
      else print(...chosen.map(({ container, host }) => (wanted === undefined ? `${container} -> ${host}` : host)));
    });
}

async function portsOf(session: Session, name: string): Promise<PortPair[]> {
  const [ports, sandboxes] = await Promise.all([session.ask(listPorts()), session.ask(listSandboxes())]);
  const sandbox = findSandbox(sandboxes, name);
  if (sandbox !== undefined) return pairsOf(ports.filter(({ owner }) => owner === sandbox.name));
  const container = await Engine.fromEnvironment().container(name);
  if (container === undefined) throw new NetworkError('NOT_FOUND', `no such sandbox or container ${quote(name)}: 'netctl ps' lists what there is`);
  return [...container.published, ...pairsOf(ports.filter(({ owner }) => container.endpointIds.includes(owner)))];
}

/** As the daemon does: by id, by name, by the beginning of an id. */
function findSandbox(sandboxes: readonly SandboxView[], name: string): SandboxView | undefined {
  const exact = sandboxes.find((sandbox) => sandbox.id === name || sandbox.name === name);
  if (exact !== undefined || !/^[0-9a-f]{2,}$/.test(name)) return exact;
  const [first, ...others] = sandboxes.filter(({ id }) => id.startsWith(name));
  return others.length === 0 ? first : undefined;
}

function pairsOf(ports: readonly PortView[]): PortPair[] {
  return portPairs(ports, ports[0]?.addresses ?? []);
}

function fullPort(text: string): string {
  if (!/^[1-9]\d{0,4}(?:\/(?:tcp|udp|sctp))?$/.test(text)) throw new NetworkError('INVALID', `port ${quote(text)} must be PORT[/tcp|udp|sctp]`);
  return text.includes('/') ? text : `${text}/tcp`;
}
