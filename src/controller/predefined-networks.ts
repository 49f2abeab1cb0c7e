import { createHash } from 'node:crypto';
import { NetworkError } from '../common/error.ts';
import { quote } from '../common/quote.ts';
import type { NetworkRequest } from './requests.ts';
import type { NetworkView } from './views.ts';

/** Bytes of the loopback link (LOOPBACK_MTU in drivers/net/loopback.c), which is all that both have in common. */
const MTU = 65536;

/**
 * The two networks that are always there, as in Docker. They are names for what a program has without us, the
 * host's own network and none at all: nothing of them is written down, and nobody is connected to them.
 */
export const PREDEFINED_NETWORKS: readonly NetworkView[] = [predefined('host', 'host'), predefined('none', 'null')];

/** What can be done instead of changing one of them; undefined for every other name or id. */
export function predefinedRefusal(reference: string): NetworkError | undefined {
  const found = PREDEFINED_NETWORKS.find(({ id, name }) => name === reference || id === reference);
  if (found === undefined) return undefined;
  const use =
    found.name === 'host'
      ? "the host's own: only 'netctl run --network host' uses it, a sandbox has a namespace of its own"
      : "having none: a sandbox that is to have lo alone is made by '--network none' and nothing else, and is connected to nothing";
  return new NetworkError('FORBIDDEN', `network ${quote(found.name)} is always there, and is ${use}`);
}

/** @throws {NetworkError} FORBIDDEN for a second network of that name or of its driver, which has that one only */
export function refusePredefined({ name, driver }: Pick<NetworkRequest, 'name' | 'driver'>): void {
  const refusal = predefinedRefusal(name);
  if (refusal !== undefined) throw refusal;
  const found = PREDEFINED_NETWORKS.find((network) => driver !== undefined && [network.driver, network.name].includes(driver));
  if (found !== undefined) throw new NetworkError('FORBIDDEN', `driver ${quote(found.driver)} has one network, ${quote(found.name)}, and that is always there: use it by --network ${found.name}`);
}

function predefined(name: string, driver: string): NetworkView {
  return {
    id: createHash('sha256').update(`netctl network ${name}`).digest('hex'),
    name,
    driver,
    created: new Date(0).toISOString(),
    owner: 'netctl',
    internal: false,
    labels: {},
    options: {},
    settled: {},
    ipv4: [],
    ipv6: [],
    mtu: MTU,
    endpoints: [],
  };
}
