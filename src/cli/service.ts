import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Where systemd finds units of the system (systemd.unit(5)). */
const UNIT_FOLDERS = ['/etc/systemd/system', '/run/systemd/system', '/usr/local/lib/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];

/** Whether this machine has the daemon as a service that could be started: its unit, and a systemd that runs (sd_booted(3)). */
export function serviceIsInstalled(): boolean {
  return existsSync('/run/systemd/system') && UNIT_FOLDERS.some((folder) => existsSync(`${folder}/netctl.service`));
}

/** Whether the service is about to run: it is being started, or it failed and is started again. */
export function serviceIsStarting(): boolean {
  const { stdout } = spawnSync('systemctl', ['is-active', 'netctl.service'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return stdout?.trim() === 'activating';
}
