/** Host ports of a sandbox or of an engine's endpoint: taking, giving back, and where they lead. */
import { withoutLength } from '../common/address.ts';
import { NetworkError } from '../common/error.ts';
import type { Op } from '../kernel/op.ts';
import { requireDistinct } from '../ports/overlap.ts';
import type { ProxyTarget } from '../ports/proxy.ts';
import type { PortOwner } from '../ports/held-ports.ts';
import type { ReservedPort } from '../ports/host-ports.ts';
import type { HostBinding } from '../ports/socket-groups.ts';
import type { PortBinding } from '../ports/spec.ts';
import type { Context } from './context.ts';
import { gatewayEndpoint } from './gateway.ts';
import { sandboxKey, type EndpointRecord, type SandboxRecord } from './records.ts';
import { hostFamilies, sandboxWayOut, type WayOut } from './way-out.ts';

/** Whose ports they are, and how they are reached. */
export interface PortUse {
  readonly owner: PortOwner;
  readonly way: WayOut;
  readonly target: ProxyTarget;
  /** What it has already, a port for each binding: numbers stay. */
  readonly former?: readonly ReservedPort[];
}

/**
 * Takes the host ports that the bindings need where they are now, and gives back what they do not need.
 * @returns a port for each binding; host port 0 where it needs none: all is routed, or nothing leads out
 * @throws {NetworkError} INVALID (one port twice), IN_USE, EXHAUSTED, UNSUPPORTED; nothing is taken then
 */
export async function reservePorts(context: Context, bindings: readonly PortBinding[], { owner, way, target, former = [] }: PortUse): Promise<ReservedPort[]> {
  requireDistinct(bindings);
  return context.hostPorts.reserve(owner, bindings.map((binding, index) => hostBinding(binding, way, former[index])), target);
}

/**
 * The sandbox with the host ports that its wishes need where it is now; the same record where nothing has changed.
 * @throws {NetworkError} as {@link reservePorts}
 */
export async function claimPorts(context: Context, sandbox: SandboxRecord, wishes: readonly PortBinding[] = sandbox.wishes ?? sandbox.ports): Promise<SandboxRecord> {
  if (wishes.length === 0) return sandbox;
  const { ledger } = context;
  const ports = await reservePorts(context, wishes, { owner: sandbox, way: sandboxWayOut(ledger, sandbox.id), target: sandboxTarget(context, sandbox.id), former: sandbox.ports });
  if (same(ports, sandbox.ports)) return sandbox;
  const { wishes: _former, ...rest } = sandbox;
  return { ...rest, ports, ...(same(ports, wishes) ? {} : { wishes }) };
}

/**
 * Lets the ports of a sandbox follow its way out where that cannot be refused, and writes them down.
 * A port that somebody else has by now stays away; it is said aloud.
 */
export async function followPorts(context: Context, sandbox: SandboxRecord): Promise<void> {
  try {
    const published = await claimPorts(context, sandbox);
    if (published === sandbox) return;
    await context.store.commit([{ key: sandboxKey(sandbox.id), value: published }]);
    context.ledger.sandboxes.set(sandbox.id, published);
  } catch (error) {
    context.events.warn(`ports of sandbox '${sandbox.name}' are not published: ${NetworkError.from(error).message}`);
  }
}

/** Which endpoints of a sandbox lead out, as a text to be compared. */
export function wayOut({ ledger }: Pick<Context, 'ledger'>, sandboxId: string): string {
  return ([4, 6] as const).map((family) => gatewayEndpoint(ledger, sandboxId, family)?.id).join(' ');
}

function hostBinding(wish: PortBinding, way: WayOut, former: ReservedPort | undefined): HostBinding {
  const placed = way.hostAddress === undefined ? wish : { hostAddress: way.hostAddress, ...wish };
  const families = hostFamilies(placed, way);
  if (former === undefined || !answers(former, placed)) return { ...placed, families };
  const { hostPortEnd: _any, ...exact } = placed;
  return { ...exact, hostPort: former.hostPort, families };
}

/** Whether a port that was chosen before is what the wish would have. */
function answers({ protocol, containerPort, hostAddress, hostPort }: ReservedPort, wish: PortBinding): boolean {
  const { hostPort: first = 1, hostPortEnd: last = wish.hostPort ?? 65_535 } = wish;
  return protocol === wish.protocol && containerPort === wish.containerPort && hostAddress === wish.hostAddress && hostPort >= first && hostPort <= last;
}

function same(ports: readonly PortBinding[], others: readonly PortBinding[]): boolean {
  return JSON.stringify(ports.map(fields)) === JSON.stringify(others.map(fields));
}

function fields({ protocol, containerPort, hostAddress, hostPort, hostPortEnd }: PortBinding): unknown {
  return [protocol, containerPort, hostAddress, hostPort, hostPortEnd];
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
 * Flows outlive the endpoint that they were translated to: forgotten, they follow the port to the
 * next one. A tcp client comes back by another port; those of udp and sctp often keep theirs.
 */
export function forgetFlows(ports: readonly ReservedPort[], endpoints: readonly EndpointRecord[]): Op[] {
  const flows = ports.filter(({ protocol, hostPort }) => protocol !== 'tcp' && hostPort > 0).map(({ protocol, hostPort }) => ({ protocol, originalPort: hostPort }));
  if (flows.length === 0) return [];
  const families = ([4, 6] as const).filter((family) => endpoints.some((endpoint) => (family === 4 ? endpoint.ipv4 : endpoint.ipv6) !== undefined));
  return families.map((family): Op => ({ op: 'conntrack-flush', family, flows }));
}

function plain(cidr: string | undefined): string | undefined {
  return cidr === undefined ? undefined : withoutLength(cidr);
}
