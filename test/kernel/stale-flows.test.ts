import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { PrivateHost } from '../support/host.ts';
import type { Place } from '../support/place.ts';
import { RemoteController } from '../support/remote-controller.ts';

/** Longer than the daemon gathers what it has the kernel forget. */
const FORGOTTEN = 600;
const PORT = 5555;
const MODE = 'com.docker.network.bridge.gateway_mode_ipv';

const BLUE = { 4: '10.9.0.2', 6: 'fd00:9::2' } as const;

/** What gives the LAN's router the address of a container to come. */
const PRETENDING = ['ip addr add 10.9.0.2/32 dev lo', 'ip addr add fd00:9::2/128 dev lo nodad'];

/** Somebody on the LAN who keeps his flows: he never says that they are over. */
describe('a flow that somebody kept', () => {
  let host: PrivateHost;
  let remote: RemoteController;
  let lan: Place;

  before(async () => {
    host = await PrivateHost.start();
    remote = await RemoteController.start(host);
    lan = host.outside;
  });

  after(async () => {
    await remote[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  afterEach(async () => {
    remote = await remote.cleared(host);
    await lan.sh(`exec 2>/dev/null; ip link del m0 || :; ip netns del first || :; ip netns del second || :; ip addr del 10.9.0.2/32 dev lo || :; ip addr del fd00:9::2/128 dev lo || :; ip route del 198.51.100.66/32 || :; ip route del 2001:db8:100::66/128 || :`);
    await host.sh('sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0; nft delete table inet router 2>/dev/null || :');
  });

  /** The same machine again and again, as far as anybody can tell. */
  async function mallory(name: string): Promise<Place> {
    await lan.sh(`
      ip netns add ${name}
      ip link add m0 type veth peer name eth0 address 02:00:5e:00:00:66 netns ${name}
      ip link set m0 master lan0 up
      ip netns exec ${name} sysctl -qw net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.eth0.accept_redirects=0 net.ipv6.conf.eth0.accept_redirects=0
      ip -n ${name} -batch - <<END
addr add 198.51.100.66/24 dev eth0
addr add 2001:db8:100::66/64 dev eth0 nodad
link set eth0 up
route add 10.9.0.0/24 via ${host.address4}
route add fd00:9::/64 via ${host.address6}
END`);
    return lan.netns(name);
  }

  async function network(mode: 'nat' | 'routed'): Promise<void> {
    await remote.controller.createNetwork({ name: 'blue', subnets: ['10.9.0.0/24', 'fd00:9::/64'], options: { [`${MODE}4`]: mode, [`${MODE}6`]: mode } });
  }

  for (const family of [4, 6] as const) {
    for (const mode of ['nat', 'routed'] as const) {
      it(`does not lead to whoever gets the address next (${mode}, IPv${family})`, async () => {
        const own = { name: 'blue', address: BLUE[family] };
        const endpoint = { network: own.name, ...(family === 4 ? { ipv4: own.address } : { ipv6: own.address }) };
        const [address, port] = mode === 'routed' ? [own.address, 80] : [family === 4 ? host.address4 : host.address6, 8080];
        await network(mode);
        await remote.controller.createSandbox({ name: 'web', networks: [endpoint], ports: [{ protocol: 'tcp', containerPort: 80, hostPort: 8080 }] });
        await using web = await host.netns('web').serve(80, 'tcp', 'web', { mode: 'echo' });
        assert.equal(web.port, 80);
        const first = await mallory('first');
        const flow = await first.connect(address, port, { sourcePort: PORT });
        assert.notEqual(await flow.send('hello'), '');
        await lan.sh('ip link del m0');
        await flow[Symbol.asyncDispose]();

        await remote.controller.removeSandbox('web');
        await delay(FORGOTTEN);
        await remote.controller.createSandbox({ name: 'secret', networks: [endpoint] });
        await using secret = await host.netns('secret').serve(80, 'tcp', 'secret');
        assert.equal(secret.port, 80);
        const second = await mallory('second');
        assert.equal(await second.canReach(address, port, { sourcePort: PORT }), false);
      });
    }
  }

  for (const family of [4, 6] as const) {
    it(`does not lead into a network that is made later, on a host that routes (IPv${family})`, async () => {
      await host.sh(`sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.eth0.accept_ra=2; nft 'table inet router { chain forward { type filter hook forward priority 0; ct state established,related accept; }; }'`);
      // the LAN's router pretends to have the address, and answers by way of the host
      await lan.sh([...PRETENDING, `ip route add 198.51.100.66/32 via ${host.address4}`, `ip route add 2001:db8:100::66/128 via ${host.address6}`].join('\n'));
      const place = await mallory('first');
      const flow = await (async (): Promise<Awaited<ReturnType<Place['connect']>>> => {
        await using partner = await lan.serve(5353, 'udp', 'partner', { address: BLUE[family] });
        const opened = await place.connect(BLUE[family], partner.port, { proto: 'udp', sourcePort: PORT });
        assert.match(await eventually(() => opened.send('hello', 200), (answer) => answer !== ''), /^partner/);
        assert.match(await opened.send('hello'), /^partner/);
        return opened;
      })();
      await lan.sh([...PRETENDING, 'ip route add 198.51.100.66/32', 'ip route add 2001:db8:100::66/128'].join('\n').replaceAll(' add ', ' del ').replaceAll(' nodad', ''));
      await network('nat');
      await remote.controller.createSandbox({ name: 'secret', networks: [{ network: 'blue', ipv4: BLUE[4], ipv6: BLUE[6] }] });
      await using secret = await host.netns('secret').serve(5353, 'udp', 'secret', { address: BLUE[family] });
      assert.equal(secret.port, 5353);
      assert.equal(await flow.send('hello'), '');
      await flow[Symbol.asyncDispose]();
    });
  }
});
