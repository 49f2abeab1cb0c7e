/** Every command: what the help says of it, and where it is. Only the one that is called gets loaded. */
import type { Command } from 'commander';

/** Gives a command its arguments, options, examples and action. */
export type Define = (command: Command) => void;

/** A command, or a group of them. */
export interface CommandEntry {
  readonly summary: string;
  /** Its other name. */
  readonly alias?: string;
  /** Takes `--explain`. */
  readonly changes?: boolean;
  /** What stands behind its first argument belongs to another program. */
  readonly passesThrough?: boolean;
  readonly load?: () => Promise<Define>;
  readonly commands?: CommandTable;
  /** The one of them that is meant where none is named. */
  readonly usual?: string;
}

/** Commands by their names. */
export interface CommandTable {
  readonly [name: string]: CommandEntry;
}

const network: CommandTable = {
  create: { summary: 'make a network', changes: true, load: async () => (await import('./commands/network-create.ts')).networkCreate },
  ls: { summary: 'list networks', alias: 'list', load: async () => (await import('./commands/network-ls.ts')).networkList },
  inspect: { summary: 'show networks in full', load: async () => (await import('./commands/network-inspect.ts')).networkInspect },
  rm: { summary: 'remove networks', alias: 'remove', changes: true, load: async () => (await import('./commands/network-rm.ts')).networkRemove },
  prune: { summary: 'remove all networks that nothing is connected to', changes: true, load: async () => (await import('./commands/network-prune.ts')).networkPrune },
  connect: { summary: 'connect a sandbox to a network', changes: true, load: async () => (await import('./commands/network-connect.ts')).networkConnect },
  disconnect: { summary: 'take a sandbox off a network', changes: true, load: async () => (await import('./commands/network-disconnect.ts')).networkDisconnect },
};

const sandbox: CommandTable = {
  create: { summary: 'make a sandbox, a network namespace with its networks and ports', changes: true, load: async () => (await import('./commands/sandbox-create.ts')).sandboxCreate },
  adopt: { summary: 'take in the namespace of a container or process that already runs', changes: true, load: async () => (await import('./commands/sandbox-adopt.ts')).sandboxAdopt },
  ls: { summary: 'list sandboxes', alias: 'list', load: async () => (await import('./commands/sandbox-ls.ts')).sandboxList },
  inspect: { summary: 'show sandboxes in full', load: async () => (await import('./commands/sandbox-inspect.ts')).sandboxInspect },
  rm: { summary: 'remove sandboxes', alias: 'remove', changes: true, load: async () => (await import('./commands/sandbox-rm.ts')).sandboxRemove },
};

const link: CommandTable = {
  create: { summary: "make a link; 'create' may be left out", changes: true, load: async () => (await import('./commands/link-create.ts')).linkCreate },
  ls: { summary: 'list links', alias: 'list', load: async () => (await import('./commands/link-ls.ts')).linkList },
  inspect: { summary: 'show links in full', load: async () => (await import('./commands/link-inspect.ts')).linkInspect },
  rm: { summary: 'remove links', alias: 'remove', changes: true, load: async () => (await import('./commands/link-rm.ts')).linkRemove },
};

const dns: CommandTable = {
  ls: { summary: 'list names, where they lead and where they come from', alias: 'list', load: async () => (await import('./commands/dns-ls.ts')).dnsList },
  query: { summary: 'ask for a name as a sandbox would', load: async () => (await import('./commands/dns-query.ts')).dnsQuery },
  stats: { summary: 'count what has been asked', load: async () => (await import('./commands/dns-stats.ts')).dnsStats },
};

const cluster: CommandTable = {
  ls: { summary: 'list the hosts of the cluster, and what is wrong with it', alias: 'list', load: async () => (await import('./commands/cluster-ls.ts')).clusterList },
  forget: { summary: 'give up what a lost host had', load: async () => (await import('./commands/cluster-forget.ts')).clusterForget },
};

/** All of `netctl`. */
export const COMMANDS: CommandTable = {
  daemon: { summary: 'run the daemon that all other commands talk to', load: async () => (await import('./commands/daemon.ts')).daemon },
  network: { summary: 'make, show, connect and remove networks', commands: network },
  sandbox: { summary: 'make, show and remove sandboxes, network namespaces with names', commands: sandbox },
  link: { summary: 'put a cable between two sandboxes: a veth pair, and no bridge', commands: link, usual: 'create' },
  exec: { summary: 'run a program in a sandbox', passesThrough: true, load: async () => (await import('./commands/exec.ts')).exec },
  run: { summary: 'run a program in a new sandbox that goes when it ends', changes: true, passesThrough: true, load: async () => (await import('./commands/run.ts')).run },
  cluster: { summary: 'show the hosts that networks span', commands: cluster },
  dns: { summary: 'show names, ask for them, count questions', commands: dns },
  port: { summary: 'list the published ports of a sandbox or container', load: async () => (await import('./commands/port.ts')).port },
  ps: { summary: 'list sandboxes and containers with their addresses and ports', load: async () => (await import('./commands/ps.ts')).ps },
  events: { summary: 'print what happens, as it happens', load: async () => (await import('./commands/events.ts')).events },
  doctor: { summary: 'say what is missing, stray or wrong on this host', changes: true, load: async () => (await import('./commands/doctor.ts')).doctor },
  version: { summary: 'print the versions of netctl and of its daemon', load: async () => (await import('./commands/version.ts')).version },
  completion: { summary: 'print a completion script for a shell', load: async () => (await import('./commands/completion.ts')).completion },
};
