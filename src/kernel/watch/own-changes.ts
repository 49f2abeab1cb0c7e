import { HOST } from '../op.ts';
import type { NamespacePath, Op } from '../op.ts';

/** What a list of operations is about to change in the host's namespace, so that its echo is not taken for somebody else's doing. */
export class OwnChanges {
  readonly names: Set<string> = new Set();
  readonly groups: Set<number> = new Set();
  /** Grows while events are read: masters and far ends of what is touched are touched too. */
  readonly indexes: Set<number> = new Set();
  forwarding = false;

  constructor(ops: readonly Op[]) {
    for (const op of ops) this.#add(op);
  }

  #add(op: Op): void {
    switch (op.op) {
      case 'link-add':
        this.#link(op.namespace, op.name, op.master);
        if (op.kind.type === 'veth') this.#link(op.kind.peer.namespace, op.kind.peer.name);
        break;
      case 'link-set':
        this.#link(op.namespace, op.name, op.rename, op.master);
        if (op.moveTo !== undefined) this.#link(op.moveTo, op.name, op.rename);
        break;
      case 'link-delete':
      case 'bridge-port-set':
        this.#link(op.namespace, op.name);
        break;
      case 'link-group-delete':
        if (op.namespace === HOST) this.groups.add(op.group);
        break;
      case 'address-add':
      case 'address-delete':
      case 'address-flush':
      case 'route-add':
      case 'route-delete':
      case 'fdb-add':
      case 'fdb-delete':
      case 'neighbour-add':
      case 'neighbour-delete':
        this.#link(op.namespace, op.link);
        break;
      case 'sysctl-set':
        if (op.namespace === HOST && /forward/u.test(op.key)) this.forwarding = true;
        break;
      default:
    }
  }

  #link(namespace: NamespacePath, ...names: readonly (string | null | undefined)[]): void {
    if (namespace !== HOST) return;
    for (const name of names) if (typeof name === 'string') this.names.add(name);
  }
}
