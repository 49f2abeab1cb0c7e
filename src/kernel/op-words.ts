import { HOST } from './op.ts';
import type { BridgePortSet, ConntrackFlush, NamespacePath, Op } from './op.ts';

/** What an operation does, in words for an error message: `add veth 'vethabc' with 'eth0' in /run/netns/blue`. */
export function opWords(op: Op): string {
  switch (op.op) {
    case 'link-add': {
      const far = op.kind.type === 'veth' ? ` with '${op.kind.peer.name}'${where(op.kind.peer.namespace)}` : '';
      const on = 'parent' in op.kind ? ` on '${op.kind.parent.name}'` : '';
      return `add ${op.kind.type} '${op.name}'${where(op.namespace)}${far}${on}`;
    }
    case 'link-set': {
      const { op: _op, namespace: _namespace, name: _name, ...wanted } = op;
      return `set link '${op.name}'${where(op.namespace)} to ${JSON.stringify(wanted)}`;
    }
    case 'link-delete':
      return `delete link '${op.name}'${where(op.namespace)}`;
    case 'link-group-delete':
      return `delete the links of group ${op.group}${where(op.namespace)}`;
    case 'bridge-port-set':
      return `set ${portWords(op)} at bridge port '${op.name}'${where(op.namespace)}`;
    case 'address-add':
      return `add address ${op.address} to '${op.link}'${where(op.namespace)}`;
    case 'address-delete':
      return `delete address ${op.address} from '${op.link}'${where(op.namespace)}`;
    case 'address-flush':
      return `flush the addresses of '${op.link}'${where(op.namespace)}`;
    case 'route-add':
      return `add route ${op.destination}${op.gateway === undefined ? '' : ` via ${op.gateway}`} by '${op.link}'${where(op.namespace)}`;
    case 'route-delete':
      return `delete route ${op.destination}${op.gateway === undefined ? '' : ` via ${op.gateway}`} by '${op.link}'${where(op.namespace)}`;
    case 'fdb-add':
      return `forward ${op.mac} ${'master' in op ? 'to' : `to ${op.destination} by`} '${op.link}'${where(op.namespace)}`;
    case 'fdb-delete':
      return `no longer forward ${op.mac} ${'master' in op ? 'to' : `to ${op.destination} by`} '${op.link}'${where(op.namespace)}`;
    case 'neighbour-add':
      return `add neighbour ${op.address} with ${op.mac} to '${op.link}'${where(op.namespace)}`;
    case 'neighbour-delete':
      return `delete neighbour ${op.address} from '${op.link}'${where(op.namespace)}`;
    case 'wireguard-set':
      return `give '${op.link}'${where(op.namespace)} the key ${op.publicKey} and UDP port ${op.port}`;
    case 'wireguard-peer-set':
      return `have '${op.link}'${where(op.namespace)} speak with ${op.publicKey} at ${op.endpoint.address} port ${op.endpoint.port}`;
    case 'wireguard-peer-delete':
      return `have '${op.link}'${where(op.namespace)} speak no more with ${op.publicKey}`;
    case 'sysctl-set':
      return `set sysctl ${op.key} = ${op.value}${where(op.namespace)}`;
    case 'namespace-add':
      return `add network namespace '${op.name}'`;
    case 'namespace-delete':
      return `delete network namespace '${op.name}'`;
    case 'processes-end':
      return `end the programs in network namespace '${op.name}'`;
    case 'address-probe':
      return `ask for ${op.addresses.join(' and ')} at '${op.link}'${where(op.namespace)}`;
    case 'announce':
      return `announce ${op.address} at '${op.link}'${where(op.namespace)}`;
    case 'conntrack-flush':
      return `forget ${flowWords(op)}`;
    case 'redirect-set':
      return `lead ${op.address} port ${op.port} to udp ${op.udp} and tcp ${op.tcp}${where(op.namespace)}`;
    case 'redirect-delete':
      return `delete the redirect ${op.table}${where(op.namespace)}`;
    case 'nft':
      return 'change the nftables rules';
    case 'iptables-restore':
      return `change the ${op.family === 'bridge' ? 'ebtables' : op.family === 6 ? 'ip6tables' : 'iptables'} rules`;
  }
}

function portWords({ hairpin, isolated, learning, neighbourSuppression }: BridgePortSet): string {
  const settings = Object.entries({ hairpin, isolated, learning, 'neighbour suppression': neighbourSuppression });
  return settings.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${onOff(value)}`])).join(', ');
}

/** Of many, the first one stands for all. */
function flowWords({ flows: [first, ...others], address, to = [], from = [] }: ConntrackFlush): string {
  const ends = [...to.map((block) => `flows to ${block}`), ...from.map((block) => `flows from ${block}`)];
  if (first === undefined) return ends.join(', ') || 'no flows';
  const port = first.originalPort === undefined ? '' : ` to port ${first.originalPort}`;
  return [`${first.protocol} flows${port}${others.length === 0 ? '' : ` and ${others.length} more`}${address === undefined ? '' : ` of ${address}`}`, ...ends].join(', ');
}

function where(namespace: NamespacePath): string {
  return namespace === HOST ? '' : ` in ${namespace}`;
}

function onOff(value: boolean): string {
  return value ? 'on' : 'off';
}
