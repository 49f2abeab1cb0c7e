import { HOST } from '../kernel/op.ts';
import type { LinkSnapshot, NamespaceSnapshot } from '../kernel/snapshot.ts';
import type { Context } from './context.ts';
import type { EndpointRecord } from './records.ts';

/**
 * Looks which endpoints in networks of Docker plugins have lost their link, or their whole namespace. They
 * want nothing until the plugin has been asked again, which {@link PluginKeeper} does.
 * @returns whether there are some of which that was not known
 */
export async function settleRemote(context: Context): Promise<boolean> {
  const { unjoined } = context.ledger;
  const lost = await lostAttachments(context);
  for (const id of unjoined.keys()) if (!lost.has(id)) unjoined.delete(id);
  const isNews = [...lost.keys()].some((id) => !unjoined.has(id));
  for (const [id, why] of lost) unjoined.set(id, unjoined.get(id) ?? why);
  return isNews;
}

/** What such endpoints have lost, a sentence by the id of each. Changes nothing. */
export async function lostAttachments({ ledger, kernel }: Context): Promise<ReadonlyMap<string, string>> {
  const lost = new Map<string, string>();
  const attached = [...ledger.endpoints.values()].flatMap(({ id, mac, name, networkId, remote, attachment }) =>
    remote?.joined === undefined || attachment === undefined ? [] : [{ id, mac, attachment, joined: remote.joined, words: `of sandbox '${name}' in network '${ledger.network(networkId).record.name}'` }],
  );
  if (attached.length === 0) return lost;
  const snapshots = await kernel.snapshot([HOST, ...new Set(attached.map(({ attachment }) => attachment.namespace))]);
  for (const { id, mac, attachment, joined, words } of attached) {
    if ((await kernel.namespaceIdentity(attachment.namespace)) !== joined.identity) lost.set(id, `namespace ${attachment.namespace} ${words} is another one than it joined`);
    else if (joined.source !== undefined && !isThere(snapshots, HOST, joined.source, mac) && !isThere(snapshots, attachment.namespace, attachment.interface, mac)) {
      lost.set(id, `link ${attachment.interface} ${words} is gone`);
    }
  }
  return lost;
}

function isThere(snapshots: readonly NamespaceSnapshot[], namespace: string, name: string, mac: EndpointRecord['mac']): boolean {
  const isIt = (link: LinkSnapshot): boolean => link.name === name && (mac === '' || link.mac === mac);
  return snapshots.find((snapshot) => snapshot.namespace === namespace)?.links.some(isIt) === true;
}
