/** How a Docker engine is started and spoken to where its own are to be kept from the machine's: words that run there. */

const SOCKET = 'unix:///run/docker.sock';

/** The words that start one. @param cgroup below which it puts its containers */
export function dockerdCommand(cgroup: string): string[] {
  return ['dockerd', `--host=${SOCKET}`, '--data-root=/var/lib/docker', `--cgroup-parent=${cgroup}`, '--exec-opt=native.cgroupdriver=cgroupfs'];
}

/** Nothing of the caller's own docker settings. */
export const CLIENT_ENVIRONMENT: Readonly<Record<string, string>> = { DOCKER_HOST: SOCKET, DOCKER_CONFIG: '/run/docker-config', DOCKER_CONTEXT: '' };

/** `docker WORDS`, by the client that belongs to the engine: another one on PATH may be too new for it. */
export function dockerCommand(words: readonly string[]): string[] {
  return ['sh', '-c', 'PATH=/usr/bin:$PATH exec docker "$@"', 'docker', ...words];
}
