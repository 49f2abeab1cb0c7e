import { existsSync } from 'node:fs';
import { NetworkError } from '../common/error.ts';
import { complaint, type ProgramResult } from '../kernel/programs.ts';
import { firewallCmd, type FirewallCmd } from './firewall-cmd.ts';
import { ruleInterface } from './rule-text.ts';

/** Our place in firewalld, where it runs: its forward chain rejects what comes from interfaces of no zone, and no accept of ours can lift that. */
export interface FirewalldZone {
  /**
   * Puts these bridges into the zone `netctl` and takes ours that are no longer among them out of it;
   * with none left of anybody's, zone and policy go. Does nothing where firewalld does not run.
   *
   * firewalld forgets at every reload what interfaces are where, so this has to be called again when
   * table `inet firewalld` changed. Each call costs a few tenths of a second there.
   *
   * @throws {NetworkError} UNAVAILABLE with firewalld's own text
   */
  set(bridges: readonly string[]): Promise<void>;
}

const ZONE = 'netctl';
const POLICY = 'netctl-forwarding';

/** firewall/errors.py */
const INVALID_ZONE = 112;
const NAME_CONFLICT = 26;

/** The zone lets everything through, in and out (as Docker's own does): our chains decide. */
const PERMANENT: readonly (readonly string[])[] = [
  [`--new-zone=${ZONE}`],
  [`--zone=${ZONE}`, '--set-target=ACCEPT'],
  [`--new-policy=${POLICY}`],
  [`--policy=${POLICY}`, '--set-target=ACCEPT'],
  [`--policy=${POLICY}`, '--add-ingress-zone=ANY'],
  [`--policy=${POLICY}`, `--add-egress-zone=${ZONE}`],
];

/** @param run tests give their own */
export function firewalldZone(run: FirewallCmd = firewallCmd, exists: (link: string) => boolean = isLink): FirewalldZone {
  const mine = new Set<string>();
  let written = false;

  async function ask(args: readonly string[], ...fine: readonly number[]): Promise<ProgramResult> {
    const result = await run(args);
    if (result !== undefined && (result.exitCode === 0 || fine.includes(result.exitCode))) return result;
    const text = result === undefined ? 'firewall-cmd has gone' : complaint(result);
    throw new NetworkError('UNAVAILABLE', `firewalld refused 'firewall-cmd ${args.join(' ')}': ${text}; our bridges stay cut off until it takes it`);
  }

  async function write(): Promise<void> {
    const zones = (await ask(['--permanent', '--get-zones'])).stdout.split(/\s+/);
    if (!zones.includes(ZONE)) for (const args of PERMANENT) await ask(['--permanent', ...args], NAME_CONFLICT);
    written = true;
  }

  return {
    async set(bridges) {
      const state = await run(['--state']);
      if (state === undefined || state.exitCode !== 0) return;
      const listed = await ask([`--zone=${ZONE}`, '--list-interfaces'], INVALID_ZONE);
      const there = listed.exitCode === 0 ? listed.stdout.split(/\s+/).filter((name) => name !== '') : [];
      const wanted = bridges.map(ruleInterface);
      if (wanted.length > 0 && !written) await write();
      // A zone that is only written down comes into force by this, and by nothing less.
      if (wanted.length > 0 && listed.exitCode === INVALID_ZONE) await ask(['--reload']);
      const come = wanted.filter((name) => !there.includes(name));
      // Another owner on this machine may have bridges here too; whoever's, those that are gone can go.
      const gone = there.filter((name) => !wanted.includes(name) && (mine.has(name) || !exists(name)));
      if (come.length > 0) await ask([`--zone=${ZONE}`, ...come.map((name) => `--change-interface=${name}`)]);
      if (gone.length > 0) await ask([`--zone=${ZONE}`, ...gone.map((name) => `--remove-interface=${name}`)]);
      mine.clear();
      for (const name of wanted) mine.add(name);
      if (wanted.length > 0 || listed.exitCode === INVALID_ZONE || gone.length < there.length) return;
      // Without a reload, which would cost the user what he has not made permanent; what is still in force is empty.
      for (const what of [`--delete-policy=${POLICY}`, `--delete-zone=${ZONE}`]) {
        const result = await run(['--permanent', what]);
        void result; // it may be gone already
      }
      written = false;
    },
  };
}

function isLink(name: string): boolean {
  return existsSync(`/sys/class/net/${name}`);
}
