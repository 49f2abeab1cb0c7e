import type { DemoWorld } from './demo-world.ts';

/** Networks and namespaces by netctl alone. */
export async function showSandboxes({ stage, shell, lan, host }: DemoWorld): Promise<void> {
  await stage.type(shell, 'netctl network create --subnet 10.9.0.0/24 green', { shows: /^[0-9a-f]{64}$/ });
  await stage.type(shell, 'netctl sandbox create --network green -p 8081:80 shop', { shows: /./ });
  await stage.type(shell, 'netctl sandbox create --network green visitor', { shows: /./ });
  await stage.type(shell, 'mkdir /run/www && echo welcome >/run/www/index.html && netctl exec shop -- busybox httpd -h /run/www');

  stage.say('A neighbour, the host and the LAN ask it:');
  await stage.type(shell, 'netctl exec visitor -- curl -sS http://10.9.0.2/', { shows: /^welcome$/, within: 3000 });
  await stage.type(shell, 'curl -sS http://127.0.0.1:8081/', { shows: /^welcome$/ });
  await stage.type(lan, `curl -sS http://${host.address4}:8081/`, { shows: /^welcome$/ });

  stage.say('They are ordinary namespaces; one can be had for as long as a command runs:');
  await stage.type(shell, 'ip netns exec visitor ip -brief address show eth0', { shows: /10\.9\.0\.3\/24/ });
  await stage.type(shell, 'netctl run --network green -- ip route', { shows: /^default via 10\.9\.0\.1 dev eth0/m });
  await stage.type(shell, 'netctl run --network green -- sh -c "exit 7"', { code: 7 });

  stage.say('The commands that a network amounts to, nothing done:');
  await stage.type(shell, 'netctl --explain network create --subnet 10.7.0.0/24 red', { shows: /ip link add/, lines: 14 });
  await stage.type(shell, 'netctl network ls', { shows: /green/ });

  stage.say('What is missing, stray or wrong on this host:');
  await stage.type(shell, 'netctl doctor');
}
