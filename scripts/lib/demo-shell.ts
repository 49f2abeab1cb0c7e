import { fileURLToPath } from 'node:url';
import type { PrivateHost } from '../../test/support/host.ts';
import { TypedShell } from './typed-shell.ts';

/** A shell on a host of the demo, with `netctl` of this checkout and `docker` for the host's own engine. */
export function openShell(host: PrivateHost): Promise<TypedShell> {
  const scripts = fileURLToPath(new URL('..', import.meta.url));
  return TypedShell.open(host, { PATH: `/usr/sbin:/usr/bin:/sbin:/bin:${scripts}`, DOCKER_HOST: 'unix:///run/docker.sock', DOCKER_CONFIG: '/run/docker-config' });
}
