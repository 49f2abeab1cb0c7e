import type { Driver } from '../driver.ts';
import type { ParentOptions } from './options.ts';
import { ParentNetwork } from './parent-network.ts';
import { settleParent } from './settle.ts';

/** What tells one driver of this kind from the other. */
export interface ParentKind {
  readonly name: 'macvlan' | 'ipvlan';
  /** Prefix of options of ours: `tsmacvlan.` */
  readonly own: string;
  /** What the name of a link that stands in for a parent begins with, as in Docker. */
  readonly sinkPrefix: string;
  /** @throws {NetworkError} INVALID */
  readonly parse: (options: Readonly<Record<string, string>>, warn?: (message: string) => void) => ParentOptions;
}

/** A driver whose endpoints are links on a parent. */
export function parentDriver({ name, own, sinkPrefix, parse }: ParentKind): Driver {
  return {
    name,
    isOnLan: true,
    // Both are asked for where a network has no parent; the kernel loads the module, if there is one.
    kindsInQuestion: (options) => ((options['parent'] ?? '') === '' ? ['dummy', 'ifb'] : []),
    settle: (spec, host, warn) => settleParent(spec, host, parse(spec.options, warn), `${sinkPrefix}${spec.id.slice(0, 12)}`),
    open: (spec, label, shared) => new ParentNetwork(spec, parse(spec.options), { own: label, shared }, `${own}dad`),
  };
}
