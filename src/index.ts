/**
 * The Container Network Model for one Linux host, in process: what the daemon `netctl` does, as a
 * library.
 *
 * @example
 * ```ts
 * import { openHost } from 'libnetwork-ts';
 *
 * await using host = await openHost({ stateFolder: '/var/lib/my-lab' });
 * await host.controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24'] });
 * await host.controller.createSandbox({ name: 'web', networks: [{ network: 'blue' }] });
 * ```
 *
 * @packageDocumentation
 */
export { NetworkError, type ErrorCode, type KernelReason } from './common/error.ts';
export { Controller } from './controller/controller.ts';
export type { Finding } from './controller/finding.ts';
export type { NameAnswer, NameQuery } from './controller/ask-name.ts';
export type { CableView } from './controller/cable-view.ts';
export type { ClusterView } from './controller/cluster-shown.ts';
export type { ControllerParts } from './controller/load-context.ts';
export type { ControllerEvent } from './controller/events.ts';
export type { NameCounts, NameView } from './controller/name-views.ts';
export type { ClusterOptions } from './controller/open-cluster.ts';
export { openHost, type HostOptions, type OpenHost } from './controller/open-host.ts';
export type { AdoptRequest, CableRequest, ConnectRequest, NetworkRequest, SandboxRequest } from './controller/requests.ts';
export type { EndpointView, EngineNetworkView, NetworkView, PortView, RemoteEndpointView, SandboxView } from './controller/views.ts';
export type { Driver, DriverNetwork, EndpointSpec, NetworkSpec, WantedState } from '../drivers/driver.ts';
export type { Exchange } from '../drivers/remote/exchange.ts';
export type { PluginsOptions } from '../drivers/remote/plugins.ts';
export type { FirewallBackend } from './firewall/backend.ts';
export { openFirewall, type FirewallChoice, type OpenFirewall } from './firewall/open-firewall.ts';
export { explain } from './kernel/explain.ts';
export type { Kernel, KernelEvent } from './kernel/kernel.ts';
export { openKernel } from './kernel/open-kernel.ts';
export type { Op } from './kernel/op.ts';
export { parsePortSpec, type PortBinding } from './ports/spec.ts';
export { MemoryStore } from './store/memory-store.ts';
export { openSqliteStore } from './store/sqlite-store.ts';
export type { Store } from './store/store.ts';
