import type { Background } from './background.ts';
import type { Place } from './place.ts';

let started = 0;

/**
 * Starts ISC's DHCP server, which lends for seconds where dnsmasq lends for two minutes at least; resolves when it serves.
 * @param link by which it serves
 * @param seconds of a lease
 * @returns its process; what it prints has a line for each message
 */
export async function startDhcpd(place: Place, link: string, subnet: { readonly base: string; readonly first: string; readonly last: string; readonly router: string }, seconds: number): Promise<Background> {
  started += 1;
  const folder = `/run/dhcpd-${started}`;
  const { base, first, last, router } = subnet;
  const configuration = `authoritative; default-lease-time ${seconds}; max-lease-time ${seconds}; min-lease-time ${seconds};
subnet ${base} netmask 255.255.255.0 { range ${first} ${last}; option routers ${router}; }`;
  await place.sh(`mkdir -p ${folder}; cat > ${folder}/conf; : > ${folder}/leases`, { input: configuration });
  const process = await place.spawn(['dhcpd', '-4', '-f', '-d', '--no-pid', '-user', 'root', '-group', 'root', '-cf', `${folder}/conf`, '-lf', `${folder}/leases`, link]);
  await process.waitFor(/Server starting service/);
  return process;
}
