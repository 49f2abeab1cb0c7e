import { NetworkError } from '../common/error.ts';
import { requireInterfaceName } from '../common/name.ts';
import { quote } from '../common/quote.ts';
import { HOST } from '../kernel/op.ts';
import { changeEndpoint } from './change-endpoint.ts';
import { linkLabel, type Context } from './context.ts';
import { endpointKey } from './endpoints.ts';
import { interfaceNames, nextInterface } from './interface-names.ts';
import type { Attachment } from './plugin-attachment.ts';
import type { EndpointRecord } from './records.ts';

/** Kinds of link that belong to their namespace (netns_immutable in the kernel). */
const STAYING: ReadonlySet<string> = new Set(['bridge', 'bond', 'team', 'vrf']);

/**
 * Writes down what plugins gave an endpoint, and makes it true: the link goes into its sandbox.
 * @throws {NetworkError} ABORTED for an endpoint that is gone by now, UNAVAILABLE when the link that was named is not there, KERNEL; nothing is changed then
 */
export async function takeAttachment(context: Context, id: string, attachment: Attachment): Promise<void> {
  const { ledger } = context;
  const before = ledger.endpoints.get(id);
  if (before?.sandboxId === undefined) throw new NetworkError('ABORTED', 'the endpoint was removed while a plugin was asked about it');
  const { ipv4, ipv6, joined } = attachment;
  const { joined: _former, ...known } = before.remote ?? {};
  const after: EndpointRecord = {
    ...before,
    mac: attachment.mac,
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
    ...(joined === undefined ? {} : await located(context, before, attachment)),
    ...(joined === undefined ? {} : { remote: { ...known, programmed: false, joined: { ...joined, identity: await identityOf(context, before) } } }),
  };
  const lost = ledger.unjoined.get(id);
  try {
    ledger.unjoined.delete(id);
    await changeEndpoint(context, after);
  } catch (error) {
    if (before.remote?.joined !== undefined) ledger.unjoined.set(id, lost ?? NetworkError.from(error).message);
    await changeEndpoint(context, before);
    throw error;
  }
}

/** Writes down whether the plugin knows that the way out goes through an endpoint. Nothing to do for one that is gone. */
export async function noteProgrammed({ ledger, store }: Context, id: string, programmed: boolean): Promise<void> {
  const endpoint = ledger.endpoints.get(id);
  if (endpoint?.remote === undefined) return;
  const after: EndpointRecord = { ...endpoint, remote: { ...endpoint.remote, programmed } };
  await store.commit([{ key: endpointKey(id), value: after }]);
  ledger.putEndpoint(after);
}

/** Its MAC address and the name of its interface. */
async function located(context: Context, endpoint: EndpointRecord, { mac, joined, interface: wanted }: Attachment): Promise<Pick<EndpointRecord, 'mac' | 'attachment'>> {
  const { attachment, networkId, sandboxId = '' } = endpoint;
  if (attachment === undefined || joined?.source === undefined) return { mac };
  const { driver } = context.ledger.network(networkId).record;
  const [host] = await context.kernel.snapshot([HOST]);
  const link = host?.links.find(({ name }) => name === joined.source);
  const refuse = (why: string): never => {
    throw new NetworkError('UNAVAILABLE', `plugin ${quote(driver)} answered NetworkDriver.Join with SrcName ${quote(joined.source ?? '')}, ${why}`);
  };
  if (link === undefined) return refuse('and the host has no such link');
  // A link is taken down before it is moved: for these the kernel would refuse the second, and the host be without.
  if (link.name === 'lo' || STAYING.has(link.kind ?? '')) return refuse(`which cannot leave the host: it is ${link.name === 'lo' ? 'the loopback interface' : `a ${link.kind ?? ''}`}`);
  if (link.alias?.startsWith(linkLabel(context.store.instanceId, '')) === true) return refuse('which is a link of another network of ours');
  const used = await interfaceNames(context, context.ledger.sandbox(sandboxId));
  used.delete(attachment.interface);
  // What the user asked for goes before what the plugin would like.
  const chosen = endpoint.options['com.docker.network.endpoint.ifname'] ?? wanted.name;
  const name = chosen === undefined ? nextInterface(wanted.prefix ?? 'eth', used) : chosen;
  return { mac: mac === '' ? link.mac : mac, attachment: { ...attachment, interface: requireInterfaceName(name) } };
}

async function identityOf({ kernel }: Context, { attachment }: EndpointRecord): Promise<string> {
  return (attachment === undefined ? undefined : await kernel.namespaceIdentity(attachment.namespace)) ?? '';
}
