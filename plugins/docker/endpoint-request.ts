import { formatAddress } from '../../src/common/address.ts';
import { parseInterfaceAddress } from '../../src/common/cidr.ts';
import { formatMac, macFromUser } from '../../src/common/mac.ts';
import type { EngineEndpointRequest } from '../../src/controller/engine-endpoints.ts';
import type { CreateEndpointBody, WireOptions } from './wire.ts';

const ENGINE = 'com.docker.network.';
const ENDPOINT = `${ENGINE}endpoint.`;
const MAC = `${ENDPOINT}macaddress`;

/** Name that the user wants for the interface (`--network name=…,driver-opt=…ifname=eth5`). */
export const INTERFACE_NAME: string = `${ENDPOINT}ifname`;

/**
 * The endpoint that the engine asks for. Its options come in this call only: they are kept.
 * @throws {NetworkError} INVALID
 */
export function endpointRequest({ NetworkID, EndpointID, Interface, Options }: CreateEndpointBody): EngineEndpointRequest {
  const mac = Interface?.MacAddress ?? macOption(Options);
  return {
    id: EndpointID,
    networkId: NetworkID,
    options: driverOptions(Options),
    ...(Interface?.Address === undefined ? {} : { ipv4: canonical(Interface.Address) }),
    ...(Interface?.AddressIPv6 === undefined ? {} : { ipv6: canonical(Interface.AddressIPv6) }),
    ...(mac === undefined ? {} : { mac: macFromUser(mac) }),
  };
}

/** What the user gave as `--driver-opt`; the rest is the engine's own. */
function driverOptions(options: WireOptions): Record<string, string> {
  return Object.fromEntries(
    Object.entries(options).flatMap(([key, value]): [string, string][] => {
      const ours = !key.startsWith(ENGINE) || key.startsWith(ENDPOINT);
      return typeof value === 'string' && ours && key !== MAC ? [[key, value]] : [];
    }),
  );
}

/** A MAC address as Go writes bytes in JSON: base64. */
function macOption(options: WireOptions): string | undefined {
  const value = options[MAC];
  if (typeof value !== 'string' || value === '') return undefined;
  return value.includes(':') ? value : formatMac(Buffer.from(value, 'base64'));
}

function canonical(text: string): string {
  const { address, network } = parseInterfaceAddress(text);
  return `${formatAddress(address)}/${network.prefix}`;
}
