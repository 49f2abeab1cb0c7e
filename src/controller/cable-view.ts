import type { Ledger, LiveCable } from './ledger.ts';
import type { CableEndRecord, CableRecord } from './records.ts';

/** One end of a cable. */
export interface CableEndView {
  /** Name of the sandbox; null for a namespace that is none. */
  readonly sandbox: string | null;
  readonly namespace: string;
  readonly interface: string;
  readonly mac: string;
  /** CIDR */
  readonly addresses: readonly string[];
}

/** A cable, with the names of what it joins. */
export interface CableView extends Omit<CableRecord, 'ends'> {
  readonly ends: readonly [CableEndView, CableEndView];
}

/** The view of a cable. */
export function cableView(ledger: Ledger, { record }: LiveCable): CableView {
  const [near, far] = record.ends;
  return { ...record, ends: [endView(ledger, near), endView(ledger, far)] };
}

/** The views of all cables, the oldest first; of a sandbox alone if it is named. @throws {NetworkError} NOT_FOUND */
export function cableViews(ledger: Ledger, sandbox?: string): CableView[] {
  const cables = sandbox === undefined ? [...ledger.cables.values()] : ledger.cablesOfSandbox(ledger.sandbox(sandbox).id);
  return cables.map((cable) => cableView(ledger, cable));
}

function endView(ledger: Ledger, { interface: name, mac, addresses, ...place }: CableEndRecord): CableEndView {
  const sandbox = 'sandboxId' in place ? ledger.sandbox(place.sandboxId) : undefined;
  const namespace = 'sandboxId' in place ? (sandbox?.namespace ?? '') : place.namespace;
  return { sandbox: sandbox?.name ?? null, namespace, interface: name, mac, addresses };
}
