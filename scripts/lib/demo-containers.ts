import { INTERNET } from '../../test/support/lan.ts';
import type { DemoWorld } from './demo-world.ts';

/** Containers of an engine on a network of ours: among themselves, outwards, inwards. */
export async function showContainers({ stage, shell, lan, host }: DemoWorld): Promise<void> {
  await stage.type(shell, 'docker network create -d tsbridge blue', { shows: /^[0-9a-f]{64}$/ });
  await stage.type(shell, 'docker run -d --network blue --name web -p 8080:80 busybox httpd -f -h /www', { shows: /^[0-9a-f]{64}$/ });
  await stage.type(shell, 'docker run -d --network blue --name client busybox sleep 1000', { shows: /^[0-9a-f]{64}$/ });

  stage.say('They reach each other by name:');
  await stage.type(shell, 'docker exec client ping -c 1 -q web', { shows: / 0% packet loss/ });
  await stage.type(shell, 'docker exec client wget -q -O - http://web/', { shows: /^hello$/, within: 3000 });

  stage.say('They reach the internet, by the address of the host:');
  await stage.type(shell, `docker exec client wget -q -O - http://${INTERNET.address4}/cgi-bin/hello`, { shows: new RegExp(`^the internet, to ${host.address4.replaceAll('.', '\\.')}$`) });

  stage.say('They are reached by the published port. From another machine of the LAN:');
  await stage.type(lan, `curl -sS http://${host.address4}:8080/`, { shows: /^hello$/ });
  stage.say('From the host itself, both loopback addresses:');
  await stage.type(shell, 'curl -sS http://127.0.0.1:8080/', { shows: /^hello$/ });
  await stage.type(shell, "curl -sS 'http://[::1]:8080/'", { shows: /^hello$/ });

  stage.say('What is published, and who is where:');
  await stage.type(shell, 'netctl port web', { shows: /^80\/tcp -> 0\.0\.0\.0:8080$/m });
  await stage.type(shell, 'netctl ps', { shows: /^.*web.*8080.*$/m });

  stage.say('Host ports are really taken. A second container, and another program, hear so:');
  await stage.type(shell, 'docker run --rm --network blue -p 8080:80 busybox true', { code: 125, shows: /8080/ });
  await stage.type(shell, 'busybox nc -l -p 8080', { code: 1, shows: /Address already in use/ });
}
