/** What the machines of a lab stand on, be it namespaces of this one, virtual machines or others: all that differs between them. */

/** A host of the lab, before anything runs on it. */
export interface GroundMachine {
  readonly name: string;
  /** Plain IPv4 address by which the others reach it. */
  readonly address: string;
  /** The link that has it. */
  readonly uplink: string;
  /** Paths there: this project, and the programs that the lab starts. */
  readonly project: string;
  readonly programs: { readonly node: string; readonly etcd: string; readonly etcdctl: string };
  /** cgroup of its own, below which an engine puts containers. */
  readonly cgroup: string;
  /** Of every daemon there, and of every etcd. */
  readonly daemonFlags: readonly string[];
  readonly etcdFlags?: readonly string[];
  /** false: what is written there does not outlive a power cut. */
  readonly hasDisk?: boolean;
  /** The words that run a command there as root, with its standard streams here. */
  wrap(command: readonly string[]): readonly string[];
  /** Nothing comes or goes between it and the other machines; commands still reach it. */
  cut(): Promise<void>;
  /** The end of that. */
  heal(): Promise<void>;
  /** Ends everything that runs there at once, as a power cut does; what stands on its disk stays. */
  powerOff(): Promise<void>;
  /** Resolves when commands can be run there again. */
  powerOn(): Promise<void>;
}

/** Three machines on one LAN. */
export interface Ground extends AsyncDisposable {
  readonly machines: readonly GroundMachine[];
}
