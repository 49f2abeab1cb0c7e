import type { Controller } from '../../src/controller/controller.ts';
import { checkLeasedPools } from './dhcp-driver.ts';
import { endpointRequest, INTERFACE_NAME } from './endpoint-request.ts';
import { genericOptions, networkRequest } from './network-request.ts';
import { checkClusterPools, overlayRequest } from './overlay-request.ts';
import { bareRoute, route, type PluginRoute } from './plugin-route.ts';
import { publish } from './publish.ts';
import type { Recent } from './recent.ts';
import { createEndpointBody, createNetworkBody, endpointBody, joinBody, networkBody, optionsBody, programBody } from './wire.ts';

const TYPE = 'NetworkDriver';
/** types.CONNECTED: a route without a next hop. */
const CONNECTED = 1;
/** types.NEXTHOP */
const VIA = 0;

/** What a network driver's door stands on. */
export interface NetworkDriverParts {
  readonly controller: Controller;
  /** Name of the controller's driver behind this door. */
  readonly driver: string;
  /** Notes what the engine has just made, and may not list yet. */
  readonly recent: Recent;
  /** Called when the engine has made a network, whose name it does not say. */
  readonly onMade: () => void;
}

/**
 * The remote network driver protocol. Every method may be delivered twice; those that take away
 * succeed where nothing is left.
 */
export function networkDriverRoutes({ controller, driver, recent, onMade }: NetworkDriverParts): Map<string, PluginRoute> {
  const { engine } = controller;
  const methods: Readonly<Record<string, PluginRoute>> = {
    // What is straight on a LAN may reach other hosts, as with the built-in drivers.
    GetCapabilities: bareRoute(() => ({ Scope: 'local', ConnectivityScope: driver === 'bridge' ? 'local' : 'global', GwAllocChecker: true })),

    // No gateway address is wasted on a bridge that has none, nor taken from a LAN whose router nobody named.
    GwAllocCheck: route(optionsBody, ({ Options }) => {
      if (driver === 'overlay') return { SkipIPv4: false, SkipIPv6: false };
      if (driver !== 'bridge') return { SkipIPv4: true, SkipIPv6: true };
      const options = genericOptions(Options);
      const isolated = (family: 4 | 6): boolean => options[`com.docker.network.bridge.gateway_mode_ipv${family}`] === 'isolated';
      return { SkipIPv4: isolated(4), SkipIPv6: isolated(6) };
    }),

    // Only asked of drivers with global scope; a harmless answer if an engine asks all the same.
    AllocateNetwork: route(optionsBody, ({ Options }) => ({ Options })),
    FreeNetwork: route(networkBody, () => ({})),
    DiscoverNew: bareRoute(() => ({})),
    DiscoverDelete: bareRoute(() => ({})),

    CreateNetwork: route(createNetworkBody, async (body) => {
      recent.touch(body.NetworkID);
      if (driver === 'overlay') {
        await engine.joinNetwork(body.NetworkID, overlayRequest(body));
      } else {
        checkLeasedPools(engine, driver, body);
        checkClusterPools(engine, driver, body);
        await controller.createNetwork(networkRequest(body, driver));
      }
      onMade();
      return {};
    }),

    DeleteNetwork: route(networkBody, async ({ NetworkID }) => {
      await engine.deleteNetwork(NetworkID);
      return {};
    }),

    CreateEndpoint: route(createEndpointBody, async (body) => {
      recent.touch(body.EndpointID);
      const { mac, ipv4, dhcp } = await engine.createEndpoint(endpointRequest(body));
      // A field that the engine had filled itself must not come back, not even unchanged.
      const made = {
        ...(body.Interface?.MacAddress === undefined && mac !== '' ? { MacAddress: mac } : {}),
        ...(dhcp === undefined || ipv4 === undefined ? {} : { Address: ipv4 }),
      };
      return Object.keys(made).length === 0 ? {} : { Interface: made };
    }),

    // Asked several times per attachment; the engine makes nothing of ports that it says.
    EndpointOperInfo: route(endpointBody, () => ({ Value: {} })),

    DeleteEndpoint: route(endpointBody, async ({ EndpointID }) => {
      await engine.deleteEndpoint(EndpointID);
      return {};
    }),

    Join: route(joinBody, async ({ NetworkID, EndpointID, SandboxKey }) => {
      recent.touch(EndpointID);
      const endpoint = await engine.join(EndpointID, SandboxKey);
      const { interfacePrefix, gateway, leadsOnLink, routes } = engine.interfaceTraits(endpoint);
      const gatewaysBy = engine.network(NetworkID)?.publisher;
      const leads = (family: 4 | 6): string => (gatewaysBy === 'engine' ? '' : (gateway(family) ?? ''));
      const gateways = { Gateway: leads(4), GatewayIPv6: leads(6) };
      return {
        InterfaceName: {
          SrcName: endpoint.attachment?.interface ?? '',
          DstPrefix: interfacePrefix,
          DstName: endpoint.options[INTERFACE_NAME] ?? '',
        },
        ...gateways,
        StaticRoutes: [
          ...leadsOnLink.map((family) => ({ Destination: family === 4 ? '0.0.0.0/0' : '::/0', RouteType: CONNECTED, NextHop: '' })),
          ...routes.map(({ destination, gateway: hop }) => ({ Destination: destination, RouteType: hop === undefined ? CONNECTED : VIA, NextHop: hop ?? '' })),
        ],
        // Without a gateway the engine would lead the container out through docker_gwbridge. That is what publisher=engine is for.
        DisableGatewayService: gatewaysBy !== 'engine' && gateways.Gateway === '' && gateways.GatewayIPv6 === '',
      };
    }),

    Leave: route(endpointBody, async ({ EndpointID }) => {
      await engine.leave(EndpointID);
      return {};
    }),

    ProgramExternalConnectivity: route(programBody, async ({ NetworkID, EndpointID, Options }) => {
      if (engine.network(NetworkID)?.publisher !== 'engine') await publish(engine, EndpointID, Options);
      return {};
    }),

    RevokeExternalConnectivity: route(endpointBody, async ({ EndpointID }) => {
      await engine.revoke(EndpointID);
      return {};
    }),
  };
  return new Map(Object.entries(methods).map(([name, answer]) => [`${TYPE}.${name}`, answer]));
}
