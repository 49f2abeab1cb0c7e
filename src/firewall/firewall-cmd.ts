import { existsSync } from 'node:fs';
import { runProgram, type ProgramResult } from '../kernel/programs.ts';

/** Runs `firewall-cmd`; undefined where it is not installed, or nobody could hear it. */
export type FirewallCmd = (args: readonly string[]) => Promise<ProgramResult | undefined>;

/** Where the bus is unless the environment says otherwise (D-Bus specification, "Well-known Message Bus Instances"). */
const SYSTEM_BUS = '/run/dbus/system_bus_socket';

/**
 * The program itself. It speaks with firewalld over the system's bus, and takes a third of a second to find out
 * that there is none: where there is none, it is not started.
 *
 * @param bus another socket than the usual one
 */
export async function firewallCmd(args: readonly string[], bus: string = SYSTEM_BUS): Promise<ProgramResult | undefined> {
  const hasBus = process.env['DBUS_SYSTEM_BUS_ADDRESS'] !== undefined || existsSync(bus);
  return hasBus ? runProgram('firewall-cmd', args) : undefined;
}
