import type { PortView } from '../controller/views.ts';

/** Both ends of a published port, as `docker port` writes them. */
export interface PortPair {
  /** `80/tcp` */
  readonly container: string;
  /** `0.0.0.0:8080`, `[::]:8080` */
  readonly host: string;
}

/**
 * Published ports, in order of the container's; one that is published everywhere counts once for
 * each family.
 * @param addresses of the endpoint: where the ports of a routed network are open
 */
export function portPairs(ports: readonly Pick<PortView, 'protocol' | 'containerPort' | 'hostAddress' | 'hostPort'>[], addresses: readonly string[]): PortPair[] {
  return ports
    .toSorted((a, b) => a.containerPort - b.containerPort || (a.protocol < b.protocol ? -1 : Number(a.protocol > b.protocol)) || a.hostPort - b.hostPort)
    .flatMap(({ protocol, containerPort, hostAddress, hostPort }) => {
      const container = `${containerPort}/${protocol}`;
      const published = hostAddress === undefined ? ['0.0.0.0', '::'] : [hostAddress];
      const open = (): string[] => addresses.filter((address) => published.some((host) => host.includes(':') === address.includes(':')));
      const [hosts, port] = hostPort === 0 ? [open(), containerPort] : [published, hostPort];
      return hosts.map((host) => ({ container, host: `${host.includes(':') ? `[${host}]` : host}:${port}` }));
    });
}
