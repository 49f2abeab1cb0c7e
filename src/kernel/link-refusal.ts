import { NetworkError, type ErrorCode } from '../common/error.ts';
import { ERRNO, errnoOf } from './errno.ts';
import type { LinkAdd, LinkSet } from './op.ts';
import { opWords } from './op-words.ts';

/**
 * What the kernel's refusal of a new link means, where its number alone says little: mostly that
 * the parent is no such link, or serves something that excludes the new one.
 * @returns the error to throw, the given one if there is nothing to add
 */
export function linkRefusal(error: unknown, op: LinkAdd): unknown {
  const { kind } = op;
  const errno = errnoOf(error);
  const told = (code: ErrorCode, why: string): NetworkError => {
    const kernel = error instanceof NetworkError ? error.kernel : undefined;
    return new NetworkError(code, `${opWords(op)}: ${why}`, { cause: error, ...(kernel === undefined ? {} : { kernel }) });
  };
  if (errno === ERRNO.EOPNOTSUPP) return told('UNSUPPORTED', `this kernel has no ${kind.type} links ('modprobe ${kind.type === 'vlan' ? '8021q' : kind.type}' loads the module, where there is one)`);
  if (kind.type === 'vxlan' && errno === ERRNO.EEXIST) return told('EXISTS', `there is a link '${op.name}', or another one has VNI ${kind.id} at port ${kind.port} already ('ip -d link show type vxlan'): choose another VNI or port, or remove that link`);
  if (!('parent' in kind)) return error;
  const { name } = kind.parent;
  switch (errno) {
    case ERRNO.ENODEV:
      return told('UNAVAILABLE', `its parent '${name}' is not there: bring it back by that name, or remove the network`);
    // macvlan, ipvlan, bridge and bond each want to be the only one that receives for a link (netdev_rx_handler_register).
    case ERRNO.EBUSY:
      return told('IN_USE', `'${name}' serves something else already: a bridge, a bond, or ${kind.type === 'macvlan' ? 'ipvlan' : 'macvlan'} links, be it in another namespace`);
    case ERRNO.EINVAL:
      if (kind.type === 'vlan') return error;
      return told('IN_USE', `'${name}' does not take it: it is no Ethernet link, or has children of which one is in mode passthru, which tolerates no other`);
    case ERRNO.EEXIST:
      return kind.type === 'vlan' ? told('EXISTS', `there is a link '${op.name}', or VLAN ${kind.id} of '${name}' is there under another name ('ip -d link show type vlan')`) : error;
    default:
      return error;
  }
}

/**
 * The same for a link that is to come up: macvlan links and their parent each want a MAC address of their own (macvlan_open), VXLAN links
 * (vxlan_open) and those that encrypt (wg_socket_init) a UDP port. The kernel has one number for both, and `op` no kind: so it goes by the name that we gave.
 */
export function upRefusal(error: unknown, op: LinkSet): unknown {
  if (op.up !== true || errnoOf(error) !== ERRNO.EADDRINUSE) return error;
  const kernel = error instanceof NetworkError ? error.kernel : undefined;
  const taken = "another program has the UDP port at which it listens ('ss -lunp' names it): end that one";
  const why = op.name.startsWith('wg-') ? taken : op.name.startsWith('vx-') ? `${taken}, or make the network with another -o tsoverlay.port` : 'its MAC address is that of its parent or of another link there: choose another by --mac';
  return new NetworkError('IN_USE', `${opWords(op)}: ${why}`, { cause: error, ...(kernel === undefined ? {} : { kernel }) });
}
