/** The shape of every request body. What the values mean is checked by the controller. */
import { z } from 'zod';
import type { NameQuery } from '../controller/ask-name.ts';
import type { AdoptBody, ConnectBody, DisconnectBody, LeaseBody, LinkBody, NetworkBody, SandboxBody } from './wire.ts';

const list = z.array(z.string()).max(1024);
const pairs = z.record(z.string().min(1), z.string());

const connection = {
  ipv4: z.exactOptional(z.string()),
  ipv6: z.exactOptional(z.string()),
  mac: z.exactOptional(z.string()),
  aliases: z.exactOptional(list),
  links: z.exactOptional(list),
  options: z.exactOptional(pairs),
  gatewayPriority: z.exactOptional(z.int32()),
};

const sandbox = {
  name: z.string(),
  networks: z.exactOptional(z.array(z.strictObject({ network: z.string(), ...connection })).max(256)),
  // A range counts as one.
  ports: z.exactOptional(list),
  hostname: z.exactOptional(z.string()),
  labels: z.exactOptional(pairs),
  extraHosts: z.exactOptional(list),
  dns: z.exactOptional(z.strictObject({ servers: z.exactOptional(list), search: z.exactOptional(list), options: z.exactOptional(list) })),
  links: z.exactOptional(list),
  sysctls: z.exactOptional(pairs),
  exposed: z.exactOptional(list),
};

/** `POST /networks` */
export const networkBody: z.ZodType<NetworkBody> = z.strictObject({
  name: z.string(),
  driver: z.exactOptional(z.string()),
  ipv4: z.exactOptional(z.boolean()),
  ipv6: z.exactOptional(z.boolean()),
  subnets: z.exactOptional(list),
  ranges: z.exactOptional(list),
  gateways: z.exactOptional(list),
  auxiliary: z.exactOptional(pairs),
  ipam: z.exactOptional(z.string()),
  ipamOptions: z.exactOptional(pairs),
  internal: z.exactOptional(z.boolean()),
  labels: z.exactOptional(pairs),
  options: z.exactOptional(pairs),
});

/** `POST /networks/NAME/connect` */
export const connectBody: z.ZodType<ConnectBody> = z.strictObject({ sandbox: z.string(), ...connection });

/** `POST /networks/NAME/disconnect` */
export const disconnectBody: z.ZodType<DisconnectBody> = z.strictObject({ sandbox: z.string() });

/** `POST /sandboxes` */
export const sandboxBody: z.ZodType<SandboxBody> = z.strictObject(sandbox);

/** `POST /sandboxes/adopt` */
export const adoptBody: z.ZodType<AdoptBody> = z.strictObject({ ...sandbox, namespace: z.string() });

/** `POST /leases` */
export const leaseBody: z.ZodType<LeaseBody> = z.strictObject({
  ...sandbox,
  lease: z.strictObject({ pid: z.int().min(2), startTime: z.string().regex(/^\d{1,20}$/) }),
});

/** `POST /dns/query` */
export const nameQueryBody: z.ZodType<NameQuery> = z.strictObject({
  name: z.string().max(256),
  type: z.exactOptional(z.string().max(32)),
  sandbox: z.exactOptional(z.string()),
  network: z.exactOptional(z.string()),
});

const linkEnd = z.strictObject({
  sandbox: z.exactOptional(z.string()),
  namespace: z.exactOptional(z.string()),
  interface: z.exactOptional(z.string()),
  mac: z.exactOptional(z.string()),
  addresses: z.exactOptional(z.array(z.string()).max(64)),
});

/** `POST /links` */
export const linkBody: z.ZodType<LinkBody> = z.strictObject({ name: z.exactOptional(z.string()), ends: z.tuple([linkEnd, linkEnd]), mtu: z.exactOptional(z.int()) });

/** A request without a body. */
export const noBody: z.ZodType<Record<string, never>> = z.strictObject({});
