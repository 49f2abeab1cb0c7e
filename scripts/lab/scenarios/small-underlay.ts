import { check, timed } from '../check.ts';
import type { Attached, LabMachine } from '../lab-machine.ts';
import type { Scenario } from '../scenario.ts';
import { Stream } from '../stream.ts';
import { until } from '../until.ts';

const UNDERLAY = 1400;
/** Bytes that VXLAN over IPv4 takes: RFC 7348 section 5. */
const OVERHEAD = 50;

/** The LAN of one host takes smaller packets than that of the others. */
export const smallUnderlay: Scenario = {
  name: 'small-underlay',
  promise: 'a network made where one host’s underlay has an MTU of 1400 carries packets of 1350 bytes between all, whole',
  async run(lab) {
    const [one, , three] = lab.machines;
    const before = await uplinkMtu(three);
    try {
      await setMtu(three, UNDERLAY);
      await lab.settled();
      await lab.network('blue', { subnets: ['10.1.0.0/16'] });
      const a = await one.attach('blue', 'a');
      const c = await three.attach('blue', 'c');
      await until('a reaches c', () => one.pings(a.name, c.ipv4));
      const mtu = UNDERLAY - OVERHEAD;
      const { time } = await timed(async () => {
        for (const [from, to] of [[a, c], [c, a]] as const) {
          check(await from.machine.pings(from.name, to.ipv4, mtu), `${String(mtu)} bytes do not go from ${from.machine.name} to ${to.machine.name}`);
          check(await isRefused(from, to.ipv4, mtu + 1), `${from.machine.name} takes packets of ${String(mtu + 1)} bytes, which are too large for the way to ${to.machine.name}`);
        }
      });
      await using stream = await Stream.open(a, c, c.ipv4);
      const rate = await stream.rate(300);
      return { time, found: `${String(mtu)} bytes go through both ways and ${String(mtu + 1)} are refused at the source; TCP ${rate.toFixed(1)} Gbit/s` };
    } finally {
      await lab.clean();
      await setMtu(three, before);
    }
  },
};

/** Whether the sandbox itself says that packets of this size do not go: one that is lost on the way has not been refused. */
async function isRefused({ machine, name }: Attached, address: string, size: number): Promise<boolean> {
  const { stdout, stderr } = await machine.ping(name, address, size);
  return /message too long|frag needed/iu.test(stdout + stderr);
}

/** The MTU of a host is what it was when its daemon started. */
async function setMtu(machine: LabMachine, mtu: number): Promise<void> {
  await machine.exec(['ip', 'link', 'set', machine.ground.uplink, 'mtu', String(mtu)]);
  await machine.killDaemon();
  await machine.startDaemon();
}

async function uplinkMtu(machine: LabMachine): Promise<number> {
  const { stdout } = await machine.exec(['cat', `/sys/class/net/${machine.ground.uplink}/mtu`]);
  return Number(stdout);
}
