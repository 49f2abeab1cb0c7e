import assert from 'node:assert/strict';
import { PrivateHost } from '../support/host.ts';
import { difference, type MachineState } from '../support/machine-state.ts';
import { Netctl } from '../support/netctl.ts';

/** Exit codes: 2 usage, 1 refused, 125 to 127 of `run` and `exec`. */
const CASES: readonly (readonly [code: number, words: readonly string[], says: RegExp])[] = [
  // names
  [2, ['network', 'create', ''], /network name '' is not allowed: use 1 to 64 letters/],
  [2, ['network', 'create', "a'b"], /network name 'a\\'b' is not allowed/],
  [2, ['network', 'create', 'a\nb'], /network name 'a\\nb' is not allowed/],
  [2, ['network', 'create', '; flush ruleset'], /network name '; flush ruleset' is not allowed/],
  [2, ['network', 'create', 'a"b'], /is not allowed/],
  [2, ['network', 'create', 'x'.repeat(65)], /use 1 to 64 letters/],
  [2, ['sandbox', 'create', '../etc'], /sandbox name '\.\.\/etc' is not allowed/],
  [2, ['sandbox', 'create', '--hostname', '-x', 's'], /host name '-x' is not allowed/],
  [2, ['sandbox', 'create', '--network', 'blue', '--alias', 'a b', 's'], /host name 'a b' is not allowed/],
  [1, ['network', 'create', 'blue'], /network 'blue' exists already/],
  [1, ['sandbox', 'create', 'web'], /sandbox 'web' exists already|network namespace 'web' exists already/],
  // subnets and addresses
  [2, ['network', 'create', '--subnet', '10.8.0.1/24', 'n'], /'10\.8\.0\.1\/24' has host bits set; the network is 10\.8\.0\.0\/24/],
  [2, ['network', 'create', '--subnet', '10.8.0.0/33', 'n'], /'10\.8\.0\.0\/33'/],
  [2, ['network', 'create', '--subnet', 'ten', 'n'], /'ten' is not a subnet/],
  [1, ['network', 'create', '--subnet', '10.9.0.0/25', 'n'], /10\.9\.0\.0\/25.*blue/],
  [2, ['network', 'create', '--subnet', '10.8.0.0/24', '--gateway', '10.7.0.1', 'n'], /gateway '10\.7\.0\.1'/],
  [2, ['network', 'create', '--subnet', '10.8.0.0/24', '--ip-range', '10.7.0.0/25', 'n'], /'10\.7\.0\.0\/25'/],
  [2, ['network', 'create', '--subnet', '10.8.0.0/24', '--aux-address', '=10.8.0.9', 'n'], /--aux-address '=10\.8\.0\.9' must be NAME=VALUE/],
  [2, ['sandbox', 'create', '--network', 'blue,ip=10.8.0.1', 's'], /address '10\.8\.0\.1' is in no IPv4 subnet of network 'blue' \(it has 10\.9\.0\.0\/24\)/],
  [1, ['sandbox', 'create', '--network', 'blue,ip=10.9.0.2', 's'], /address 10\.9\.0\.2 is taken by sandbox 'web'/],
  [2, ['sandbox', 'create', '--network', 'blue,ip=10.9.0.300', 's'], /'10\.9\.0\.300' is not an IP address/],
  [2, ['sandbox', 'create', '--network', 'blue,mac=01:00:5e:00:00:01', 's'], /MAC address '01:00:5e:00:00:01' is a multicast one/],
  [2, ['sandbox', 'create', '--dns', 'one.one', 's'], /'one\.one' is not an IP address/],
  [2, ['sandbox', 'create', '--dns-search', 'a..b', 's'], /host name 'a\.\.b' is not allowed/],
  [2, ['sandbox', 'create', '--dns-option', 'NDOTS', 's'], /resolver option 'NDOTS'/],
  [2, ['sandbox', 'create', '--add-host', 'db', 's'], /host entry 'db' must be NAME:ADDRESS/],
  [2, ['sandbox', 'create', '--link', 'a:b:c', 's'], /link 'a:b:c' must be SANDBOX\[:ALIAS\]/],
  // ports
  [2, ['sandbox', 'create', '-p', '99999:80', 's'], /port '99999:80': host port '99999' must be 1 to 65535/],
  [2, ['sandbox', 'create', '-p', '80-81:80-82', 's'], /port '80-81:80-82'/],
  [2, ['sandbox', 'create', '-p', '80/icmp', 's'], /protocol 'icmp' is not one of tcp, udp, sctp/],
  [2, ['sandbox', 'create', '-p', '::1:80:80', 's'], /IPv6 addresses stand in brackets/],
  [2, ['sandbox', 'create', '--expose', '80:80', 's'], /exposed port '80:80'.*use -p/],
  [1, ['sandbox', 'create', '--network', 'blue', '-p', '8080:80', 's'], /8080/],
  [2, ['port', 'web', 'http'], /port 'http' must be PORT/],
  // drivers and options
  [1, ['network', 'create', 'host'], /network 'host' is always there, and is the host's own/],
  [1, ['network', 'create', '-d', 'null', 'n'], /driver 'null' has one network, 'none', and that is always there: use it by --network none/],
  [1, ['network', 'rm', 'none'], /network 'none' is always there/],
  [1, ['network', 'connect', 'host', 'web'], /network 'host' is always there, and is the host's own: only 'netctl run --network host' uses it/],
  [1, ['network', 'connect', 'none', 'web'], /network 'none' is always there, and is having none/],
  [1, ['sandbox', 'create', '--network', 'host', 's'], /a sandbox has a namespace of its own/],
  [2, ['sandbox', 'create', '--network', 'none', '--network', 'blue', 's'], /--network 'none' stands alone/],
  [2, ['sandbox', 'create', '--network', 'none', '--ip', '10.9.0.3', 's'], /say something about a --network, and there is none/],
  [2, ['sandbox', 'create', '--network', 'sandbox:web', 's'], /--network 'sandbox:web': only 'netctl run' shares a network/],
  [1, ['network', 'create', '-d', 'nope', 'n'], /no driver 'nope': there are .*bridge/],
  [2, ['network', 'create', '-o', 'nope=1', 'n'], /unknown bridge option 'nope'/],
  [2, ['network', 'create', '-o', 'com.docker.network.bridge.name=abcdefghijklmnop', 'n'], /bridge name 'abcdefghijklmnop' is not allowed: use 1 to 15/],
  [2, ['network', 'create', '-o', 'com.docker.network.bridge.name=a;b', 'n'], /bridge name 'a;b' is not allowed/],
  [2, ['network', 'create', '-o', 'com.docker.network.driver.mtu=tiny', 'n'], /'tiny'/],
  [2, ['network', 'create', '--ipam', 'dhcp', 'n'], /a DHCP server is reached by an existing bridge with an uplink: name it by -o com\.docker\.network\.bridge\.name=BRIDGE/],
  [2, ['sandbox', 'create', '--network', 'blue,driver-opt=nope=1', 's'], /'nope'/],
  [2, ['sandbox', 'create', '--sysctl', 'kernel.panic=1', 's'], /sysctl 'kernel\.panic=1': must be net\.…=VALUE/],
  [2, ['sandbox', 'create', '--sysctl', 'net/../kernel/panic=1', 's'], /must be net\.…=VALUE/],
  [2, ['sandbox', 'create', '--gw-priority', 'high', '--network', 'blue', 's'], /--gw-priority 'high' must be a whole number/],
  [2, ['sandbox', 'create', '--network', 'blue,colour=red', 's'], /unknown key 'colour'/],
  [2, ['network', 'ls', '--format', 'yaml'], /--format 'yaml' must be table or json/],
  // things that are not there
  [1, ['sandbox', 'create', '--network', 'nope', 's'], /no such network 'nope': 'netctl network ls' lists/],
  [1, ['network', 'connect', 'blue', 'nope'], /no such sandbox 'nope': 'netctl sandbox ls' lists/],
  [1, ['network', 'disconnect', 'blue', 'nope'], /no such sandbox 'nope'/],
  [1, ['network', 'rm', '..'], /no such network '\.\.'/],
  [2, ['network', 'rm', ''], /an empty network name/],
  [2, ['network', 'rm', 'x'.repeat(20_000)], /network name 'x{64}…' is too long/],
  [1, ['sandbox', 'rm', 'a/b?c=d'], /no such sandbox 'a\/b\?c=d'/],
  [1, ['sandbox', 'inspect', 'nope'], /no such sandbox 'nope'/],
  [1, ['port', 'nope'], /no such sandbox or container 'nope'/],
  [2, ['sandbox', 'adopt', 's'], /one of --pid PID and --netns PATH/],
  [2, ['sandbox', 'adopt', '--pid', 'abc', 's'], /--pid 'abc' must be the number of a process/],
  [2, ['sandbox', 'adopt', '--pid', '4194304', 's'], /'\/proc\/4194304\/ns\/net' is no network namespace/],
  [2, ['sandbox', 'adopt', '--netns', '/etc/passwd', 's'], /'\/etc\/passwd' is no network namespace/],
  [2, ['sandbox', 'adopt', '--pid', '1', 's'], /the host's own network namespace/],
  // the command line itself
  [2, ['nonsense'], /unknown command 'nonsense'; see 'netctl --help'/],
  [2, ['network', 'creat', 'n'], /unknown command 'creat' \(Did you mean create\?\)/],
  [2, ['network', 'create'], /missing required argument 'name'; see 'netctl network create --help'/],
  [2, ['network', 'create', 'a', 'b'], /too many arguments/],
  [2, ['network', 'create', '--nope', 'n'], /unknown option '--nope'/],
  [2, ['--explain', 'network', 'ls'], /'netctl network ls' changes nothing/],
  [125, ['exec', 'web', '--nope', '--', 'true'], /unknown option '--nope'/],
  [125, ['exec', 'web'], /missing required argument 'command'/],
  [125, ['exec', 'nope', '--', 'true'], /no such sandbox 'nope'/],
  [125, ['run', '--network', 'nope', '--', 'true'], /no such network 'nope'/],
  [125, ['run', '-p', '0', '--', 'true'], /port '0'/],
  [125, ['run', '--name', 'web', '--', 'true'], /web.* exists already/],
  [126, ['exec', 'web', '--', '/etc/passwd'], /cannot run '\/etc\/passwd' in sandbox 'web': permission denied/],
  [126, ['run', '--', '/etc'], /cannot run '\/etc': is a folder/],
  [127, ['exec', 'web', '--', 'no-such-program'], /cannot run 'no-such-program' in sandbox 'web': not found in PATH/],
  [127, ['run', '--', '/no/such/program'], /cannot run '\/no\/such\/program': no such file/],
];

describe('netctl refuses', () => {
  let host: PrivateHost;
  let netctl: Netctl;
  let clean: MachineState;

  before(async () => {
    host = await PrivateHost.start();
    netctl = new Netctl(host);
    await netctl.daemon(['--docker-plugins', 'none']);
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'blue');
    await netctl.ok('sandbox', 'create', '--network', 'blue', '-p', '8080:80', 'web');
    clean = await host.snapshot();
  });

  after(() => host[Symbol.asyncDispose]());

  for (const [code, words, says] of CASES) {
    it(`netctl ${words.map((word) => JSON.stringify(word.length > 30 ? `${word.slice(0, 30)}…` : word)).join(' ')}`, async () => {
      const result = await netctl.run(words);
      assert.match(result.stderr, says);
      assert.match(result.stderr, /^netctl: [^\n]+\n$/, 'one line');
      assert.equal(result.stdout, '');
      assert.equal(result.code, code);
    });
  }

  it('all of it without changing or leaving anything', async () => {
    assert.deepEqual(difference(clean, await host.snapshot()), []);
    assert.equal(await netctl.ok('network', 'ls', '-q').then((ids) => ids.split('\n').length), 3);
    assert.equal(await netctl.ok('sandbox', 'ls', '-q').then((ids) => ids.split('\n').length), 1);
  });
});
