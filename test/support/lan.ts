import { Namespaces, stateFolder } from './namespaces.ts';
import { Place } from './place.ts';
import { run } from './run.ts';

/** Addresses of one LAN; the gateway is .1 and ::1, host i is .(10+i) and ::(10+i). */
const NETWORKS = [
  { prefix4: '198.51.100.', prefix6: '2001:db8:100::', internet: true },
  { prefix4: '192.0.2.', prefix6: '2001:db8:101::', internet: false },
] as const;

/** The internet, as far as a private host can see it. */
export const INTERNET = { address4: '203.0.113.7', address6: '2001:db8:200::7' } as const;

/** A host's address on a LAN. */
export interface LanAddress {
  readonly address4: string;
  readonly address6: string;
  readonly gateway4: string;
  readonly gateway6: string;
}

/**
 * What lies outside of private hosts: a network namespace with a bridge into which hosts are
 * plugged. It is the LAN (.1) and, behind it, the internet ({@link INTERNET}).
 */
export class Lan extends Place implements AsyncDisposable {
  readonly #namespaces: Namespaces;
  readonly #folder: AsyncDisposable;
  readonly #network: (typeof NETWORKS)[number];
  #hosts = 0;

  private constructor(namespaces: Namespaces, folder: AsyncDisposable, network: (typeof NETWORKS)[number]) {
    super(namespaces.pid);
    this.#namespaces = namespaces;
    this.#folder = folder;
    this.#network = network;
  }

  /** @param which 0: 198.51.100.0/24, 2001:db8:100::/64 and the internet; 1: 192.0.2.0/24, 2001:db8:101::/64 */
  static async start(which: 0 | 1 = 0): Promise<Lan> {
    const network = NETWORKS[which];
    await using cleanup = new AsyncDisposableStack();
    const folder = cleanup.use(await stateFolder('lan'));
    const namespaces = cleanup.use(await Namespaces.start('lan', `lan${String(which)}`, folder.path));
    const lan = new Lan(namespaces, folder, network);
    await lan.exec(['ip', '-batch', '-'], {
      input: [
        'link add lan0 type bridge',
        'link set lan0 up',
        `address add ${network.prefix4}1/24 dev lan0`,
        `address add ${network.prefix6}1/64 dev lan0 nodad`,
        ...(network.internet ? [`address add ${INTERNET.address4}/32 dev lo`, `address add ${INTERNET.address6}/128 dev lo nodad`] : []),
      ].join('\n'),
    });
    cleanup.move();
    return lan;
  }

  /** Plugs a host in as interface NAME, with the next free address and, where this LAN has the internet, the default route. */
  async plug(pid: number, name: string, again?: LanAddress): Promise<LanAddress> {
    const { prefix4, prefix6, internet } = this.#network;
    const number = 10 + this.#hosts;
    const given = again ?? { address4: prefix4 + String(number), address6: prefix6 + String(number), gateway4: `${prefix4}1`, gateway6: `${prefix6}1` };
    if (again === undefined) this.#hosts += 1;
    const port = this.#portOf(given.address4);
    const mac = `02:00:5e:${this.#network.internet ? '10' : '11'}:00:${given.address4.slice(prefix4.length)}`;
    // the kernel drops the links of a host that has ended when it gets round to it
    if (again !== undefined) await run([...enter(this.#namespaces.pid), 'ip', 'link', 'delete', port], { allowFail: true });
    await run([...enter(this.#namespaces.pid), 'ip', '-batch', '-'], {
      input: `link add ${port} type veth peer name ${name} address ${mac} netns ${String(pid)}\nlink set ${port} master lan0 up\n`,
    });
    await run([...enter(pid), 'ip', '-batch', '-'], {
      input: [
        `address add ${given.address4}/24 dev ${name}`,
        `address add ${given.address6}/64 dev ${name} nodad`,
        // given by us, because the kernel would give one some time after the link is up
        `link set ${name} addrgenmode none`,
        `address add fe80::${given.address6.slice(prefix6.length)}/64 dev ${name} nodad`,
        `link set ${name} up`,
        ...(internet ? [`route add default via ${given.gateway4}`, `route add default via ${given.gateway6}`] : []),
      ].join('\n'),
    });
    return given;
  }

  /** Nothing comes or goes between the host with this IPv4 address and the others any more; its link stays up. */
  async cut(address4: string): Promise<void> {
    await this.exec(['ip', 'link', 'set', this.#portOf(address4), 'nomaster']);
  }

  /** The end of that. */
  async heal(address4: string): Promise<void> {
    await this.exec(['ip', 'link', 'set', this.#portOf(address4), 'master', 'lan0']);
  }

  #portOf(address4: string): string {
    return `p${address4.slice(this.#network.prefix4.length)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#namespaces[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Without the PID namespace, so that another host's pid means there what it means here. */
function enter(pid: number): string[] {
  return ['nsenter', '-t', String(pid), '-m', '-n', '--'];
}
