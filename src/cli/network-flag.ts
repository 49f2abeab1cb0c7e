import type { ConnectRequest } from '../controller/requests.ts';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import { integer, splitPair } from './option-values.ts';

const KEYS = 'ip, ip6, mac, alias, gw-priority, driver-opt';

/**
 * `--network NET[,ip=A,ip6=A,mac=M,alias=N,gw-priority=N,driver-opt=K=V]`, or with Docker's
 * `name=NET` for the first part; alias and driver-opt may come several times.
 * @throws {NetworkError} INVALID
 */
export function parseNetworkFlag(text: string): ConnectRequest {
  const [first = '', ...rest] = text.split(',');
  const network = first.startsWith('name=') ? first.slice('name='.length) : first;
  if (/^(?:sandbox|container):/.test(network)) return refuse(text, "only 'netctl run' shares a network: a sandbox has one of its own");
  if (network === '' || network.includes('=')) return refuse(text, 'it must start with the name of a network');
  const request: { -readonly [Key in keyof ConnectRequest]: ConnectRequest[Key] } = { network };
  for (const part of rest) {
    const [key, value] = splitPair(part);
    if (value === '') return refuse(text, `${quote(part)} must be KEY=VALUE with a key of ${KEYS}`);
    switch (key) {
      case 'ip':
        request.ipv4 = once(text, key, request.ipv4, value);
        break;
      case 'ip6':
        request.ipv6 = once(text, key, request.ipv6, value);
        break;
      case 'mac':
      case 'mac-address':
        request.mac = once(text, key, request.mac, value);
        break;
      case 'alias':
        request.aliases = [...(request.aliases ?? []), value];
        break;
      case 'gw-priority':
        request.gatewayPriority = integer('gw-priority')(value);
        break;
      case 'driver-opt': {
        const [name, setting] = splitPair(value);
        request.options = { ...request.options, [name]: setting };
        break;
      }
      default:
        return refuse(text, `unknown key ${quote(key)}; there are ${KEYS}`);
    }
  }
  return request;
}

function once(text: string, key: string, before: string | undefined, value: string): string {
  return before === undefined ? value : refuse(text, `${key} is given twice`);
}

function refuse(text: string, why: string): never {
  throw new NetworkError('INVALID', `--network ${quote(text)}: ${why}`);
}
