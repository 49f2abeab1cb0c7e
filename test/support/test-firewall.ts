import type { FirewallChoice } from '../../src/firewall/open-firewall.ts';
import type { Place } from './place.ts';

/** A packet filter to run on; `iptables-legacy` is iptables on a host whose plain `iptables` is the legacy one. */
export type TestFirewall = FirewallChoice | 'iptables-legacy';

/** What tests run on that do not say it themselves: NETCTL_TEST_FIREWALL of the environment, else what the machine has. */
export const USUAL_FIREWALL: TestFirewall = (process.env['NETCTL_TEST_FIREWALL'] as TestFirewall | undefined) ?? 'auto';

const LEGACY = ['iptables', 'ip6tables'].flatMap((name) => ['', '-save', '-restore'].map((verb) => `ln -sf /usr/sbin/${name}-legacy${verb} /etc/alternatives/${name}${verb}`)).join('\n');

/** Makes a private host such a host. @returns the word for `--firewall` */
export async function prepareFirewall(place: Place, firewall: TestFirewall = USUAL_FIREWALL): Promise<FirewallChoice> {
  if (firewall !== 'iptables-legacy') return firewall;
  await place.sh(LEGACY);
  return 'iptables';
}
