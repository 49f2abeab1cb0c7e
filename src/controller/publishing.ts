/** Host ports of a sandbox or of an engine's endpoint: taking, giving back, and where they lead. */
import type { Op } from '../kernel/op.ts';
import type { ProxyTarget } from '../ports/proxy.ts';
import type { PortOwner, ReservedPort } from '../ports/host-ports.ts';
import type { PortBinding } from '../ports/spec.ts';
import type { Context } from './context.ts';
import { gatewayEndpoint } from './gateway.ts';
import type { LiveNetwork } from './ledger.ts';
import type { EndpointRecord, SandboxRecord } from './records.ts';

/**
 * Takes the host ports that the bindings ask for. A network whose families are all routed needs
 * none: its ports are open at the endpoint's own address.
 * @param networks those that may lead out, the one that does first; none yet: ports are taken for the network to come
 * @throws {NetworkError} IN_USE, EXHAUSTED, UNSUPPORTED; nothing is taken then
 */
export async function reservePorts(context: Context, owner: PortOwner, bindings: readonly PortBinding[], networks: readonly LiveNetwork[], target: ProxyTarget): Promise<ReservedPort[]> {
  if (bindings.length === 0) return [];
  const leading = networks.filter(({ driver }) => driver.publishing(4) !== 'none' || driver.publishing(6) !== 'none');
  if (isRouted(leading)) return bindings.map((binding) => ({ protocol: binding.protocol, containerPort: binding.containerPort, hostPort: 0 }));
  const hostAddress = leading[0]?.driver.defaultHostAddress;
  const bound = hostAddress === undefined ? bindings : bindings.map((binding) => ({ hostAddress, ...binding }));
  return context.hostPorts.reserve(owner, bound, target);
}

/**
 * A sandbox with the host ports that it wanted and did not need as long as all of its networks were routed;
 * the same record where nothing has changed.
 * @throws {NetworkError} as {@link reservePorts}
 */
export async function claimPorts(context: Context, sandbox: SandboxRecord): Promise<SandboxRecord> {
  const { wishes, ...rest } = sandbox;
  if (wishes === undefined) return sandbox;
  const ports = await reservePorts(context, sandbox, wishes, networksOfSandbox(context, sandbox.id), sandboxTarget(context, sandbox.id));
  return ports.some(({ hostPort }) => hostPort === 0) ? sandbox : { ...rest, ports };
}

/** Which endpoints of a sandbox lead out, as a text to be compared. */
export function wayOut({ ledger }: Pick<Context, 'ledger'>, sandboxId: string): string {
  return ([4, 6] as const).map((family) => gatewayEndpoint(ledger, sandboxId, family)?.id).join(' ');
}

/** Whether there are networks that lead out, and none of them needs host ports. */
function isRouted(leading: readonly LiveNetwork[]): boolean {
  return leading.length > 0 && leading.every(({ driver }) => driver.publishing(4) !== 'nat' && driver.publishing(6) !== 'nat');
}

/** The networks of a sandbox, first those that lead out: what they say about publishing counts. */
export function networksOfSandbox({ ledger }: Pick<Context, 'ledger'>, sandboxId: string): LiveNetwork[] {
  const leading = ([4, 6] as const).flatMap((family) => gatewayEndpoint(ledger, sandboxId, family) ?? []);
  const ids = new Set([...leading, ...ledger.endpointsOfSandbox(sandboxId)].map(({ networkId }) => networkId));
  return [...ids].map((id) => ledger.network(id));
}

/** Where a sandbox's ports lead at the moment: IPv6 first. */
export function sandboxTarget(context: Context, sandboxId: string): ProxyTarget {
  return () => {
    const { ledger } = context;
    return plain(gatewayEndpoint(ledger, sandboxId, 6)?.ipv6) ?? plain(gatewayEndpoint(ledger, sandboxId, 4)?.ipv4);
  };
}

/** Where an engine endpoint's ports lead. */
export function endpointTarget(context: Context, endpointId: string): ProxyTarget {
  return () => {
    const endpoint = context.ledger.endpoints.get(endpointId);
    return plain(endpoint?.ipv6) ?? plain(endpoint?.ipv4);
  };
}

/**
 * UDP flows outlive the endpoint that they were translated to: forgotten, they follow the port to
 * the next one. TCP clients come back by themselves.
 */
export function forgetFlows(ports: readonly ReservedPort[], endpoints: readonly EndpointRecord[]): Op[] {
  const flows = ports.filter(({ protocol, hostPort }) => protocol === 'udp' && hostPort > 0).map(({ protocol, hostPort }) => ({ protocol, originalPort: hostPort }));
  if (flows.length === 0) return [];
  const families = ([4, 6] as const).filter((family) => endpoints.some((endpoint) => (family === 4 ? endpoint.ipv4 : endpoint.ipv6) !== undefined));
  return families.map((family): Op => ({ op: 'conntrack-flush', family, flows }));
}

function plain(cidr: string | undefined): string | undefined {
  return cidr?.split('/')[0];
}
