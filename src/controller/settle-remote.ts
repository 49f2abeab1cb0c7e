import { HOST } from '../kernel/op.ts';
import type { LinkSnapshot } from '../kernel/snapshot.ts';
import type { Context } from './context.ts';
import type { EndpointRecord } from './records.ts';

/**
 * Looks which endpoints in networks of Docker plugins have lost their link, or their whole namespace. They
 * want nothing until the plugin has been asked again, which {@link PluginKeeper} does.
 */
export async function settleRemote(context: Context): Promise<void> {
  const { ledger, kernel } = context;
  for (const endpoint of ledger.endpoints.values()) {
    const { id, remote, attachment } = endpoint;
    if (remote?.joined === undefined || attachment === undefined) continue;
    const { source, identity } = remote.joined;
    if ((await kernel.namespaceIdentity(attachment.namespace)) !== identity) {
      ledger.unjoined.set(id, `namespace ${attachment.namespace} is another one than it joined`);
      continue;
    }
    if (source === undefined) continue;
    const snapshots = await kernel.snapshot([attachment.namespace, HOST]);
    const linksIn = (namespace: string): readonly LinkSnapshot[] => snapshots.find((snapshot) => snapshot.namespace === namespace)?.links ?? [];
    const isThere = linksIn(attachment.namespace).some((link) => isIts(endpoint, link, attachment.interface)) || linksIn(HOST).some((link) => isIts(endpoint, link, source));
    if (isThere) ledger.unjoined.delete(id);
    else if (!ledger.unjoined.has(id)) ledger.unjoined.set(id, `link ${attachment.interface} of its plugin is gone`);
  }
}

function isIts({ mac }: EndpointRecord, link: LinkSnapshot, name: string): boolean {
  return link.name === name && (mac === '' || link.mac === mac);
}
