import { relayTests } from './relayed-tests.ts';

const MARK = 'TEST_PRIVATE_FILE';

/** Its own /run for named namespaces, its own /sys because that shows the links of whoever mounted it. */
const SET_UP = 'mount -t tmpfs tmpfs /run && mount -t sysfs sysfs /sys && ip link set lo up';

/** Its own /etc for the files of named namespaces. */
const OWN_ETC = 'mkdir -p /run/etc/upper /run/etc/work && mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work etc /etc';

/**
 * Command words that run the ones behind them in such namespaces.
 *
 * @param etc `shared` where nobody else has it: overlays stack two high, which a private host in a virtual machine needs
 */
export function privately(etc: 'own' | 'shared'): readonly string[] {
  const steps = etc === 'own' ? [SET_UP, OWN_ETC] : [SET_UP];
  return ['unshare', '-n', '-m', '-u', '--propagation', 'private', 'sh', '-ec', `${steps.join(' && ')} && exec "$@"`, 'sh'];
}

/**
 * Runs the tests of a file in fresh network, mount and UTS namespaces, so that they are root on a host
 * of their own and leave nothing behind. The file runs a second time there, by itself; here every
 * test appears with the outcome that it had there.
 *
 * @param file the calling file: `import.meta.filename`
 * @param define the tests, as they would stand in the file otherwise
 */
export function inPrivateNamespace(file: string, define: () => void): void {
  if (process.env[MARK] === file) return define();
  relayTests({
    file,
    mark: MARK,
    where: 'in namespaces of its own',
    enter: privately('own'),
    results: 3,
    timeout: 120_000,
    limit: 600_000,
    check: async () => {
      if (process.getuid?.() !== 0) throw new Error('a private namespace needs root: run the tests as root (sudo scripts/test)');
    },
  });
}
