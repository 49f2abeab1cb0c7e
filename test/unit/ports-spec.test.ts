import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { formatPortBinding, parsePortSpec } from '../../src/ports/spec.ts';
import type { PortBinding } from '../../src/ports/spec.ts';
import { refuses } from '../support/refusal.ts';

const port = fc.integer({ min: 1, max: 65535 });

const binding: fc.Arbitrary<PortBinding> = fc
  .record({
    protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'sctp' as const),
    containerPort: port,
    address: fc.option(fc.constantFrom('127.0.0.1', '0.0.0.0', '192.0.2.1', '::1', '::', '2001:db8::1'), { nil: undefined }),
    host: fc.option(fc.tuple(port, port), { nil: undefined }),
    ranged: fc.boolean(),
  })
  .map(({ protocol, containerPort, address, host, ranged }) => {
    const [first, last] = host === undefined ? [] : [Math.min(...host), Math.max(...host)];
    return {
      protocol,
      containerPort,
      ...(address === undefined ? {} : { hostAddress: address }),
      ...(first === undefined ? {} : { hostPort: first }),
      ...(ranged && first !== undefined && last !== undefined && last > first ? { hostPortEnd: last } : {}),
    };
  });

/** What a spec becomes, written shortest. */
function short(text: string): string[] {
  return parsePortSpec(text).map(formatPortBinding);
}

describe('port specs', () => {
  it('come back from their text as they were', () => {
    fc.assert(fc.property(binding, (one) => assert.deepEqual(parsePortSpec(formatPortBinding(one)), [one])), { numRuns: 500 });
  });

  it('take every form that docker run -p takes', () => {
    const tcp = { protocol: 'tcp', containerPort: 80 } as const;
    assert.deepEqual(parsePortSpec('80'), [tcp]);
    assert.deepEqual(parsePortSpec(':80'), [tcp]);
    assert.deepEqual(parsePortSpec('8080:80'), [{ ...tcp, hostPort: 8080 }]);
    assert.deepEqual(parsePortSpec('8080:80/udp'), [{ ...tcp, protocol: 'udp', hostPort: 8080 }]);
    assert.deepEqual(parsePortSpec('8080:80/SCTP'), [{ ...tcp, protocol: 'sctp', hostPort: 8080 }]);
    assert.deepEqual(parsePortSpec('127.0.0.1:8080:80'), [{ ...tcp, hostAddress: '127.0.0.1', hostPort: 8080 }]);
    assert.deepEqual(parsePortSpec('127.0.0.1::80'), [{ ...tcp, hostAddress: '127.0.0.1' }]);
    assert.deepEqual(parsePortSpec('[::1]:8080:80'), [{ ...tcp, hostAddress: '::1', hostPort: 8080 }]);
    assert.deepEqual(parsePortSpec('[2001:DB8:0::1]::80'), [{ ...tcp, hostAddress: '2001:db8::1' }]);
    assert.deepEqual(parsePortSpec('8000-8009:80'), [{ ...tcp, hostPort: 8000, hostPortEnd: 8009 }]);
  });

  it('expand ranges of equal length, port by port', () => {
    assert.deepEqual(short('8000-8002:80-82/udp'), ['8000:80/udp', '8001:81/udp', '8002:82/udp']);
    assert.deepEqual(short('[::1]:8000-8001:80-81'), ['[::1]:8000:80/tcp', '[::1]:8001:81/tcp']);
    assert.deepEqual(short('80-82'), ['80/tcp', '81/tcp', '82/tcp']);
    assert.deepEqual(short('8000-8000:80-80'), ['8000:80/tcp']);
    assert.equal(parsePortSpec('1-65535:1-65535').length, 65535);
  });

  it('refuse ports that do not exist', () => {
    refuses(() => parsePortSpec('80:0'), 'INVALID', /^port '80:0': container port '0' must be 1 to 65535$/);
    refuses(() => parsePortSpec('0:80'), 'INVALID', /host port '0'.*leave it out/);
    refuses(() => parsePortSpec('65536:80'), 'INVALID', /'65536' must be 1 to 65535/);
    refuses(() => parsePortSpec('80:99999999999999999999'), 'INVALID', /1 to 65535/);
    for (const text of ['', ':', '80:', '8080:http', '-80', '80-', '8_0', '+80', '8e1', '0x50', '80.0', ' 80', '80 ', '８０']) {
      refuses(() => parsePortSpec(text), 'INVALID', /container port/);
    }
    refuses(() => parsePortSpec('080'), 'INVALID', /'080'/);
  });

  it('refuse ranges that do not match', () => {
    refuses(() => parsePortSpec('1-2:1-3'), 'INVALID', /host range has length 2, the container range 3/);
    refuses(() => parsePortSpec('1-3:1-2'), 'INVALID', /equally long/);
    refuses(() => parsePortSpec('8080:80-81'), 'INVALID', /length 1, the container range 2/);
    refuses(() => parsePortSpec('90-80'), 'INVALID', /90-80 ends below its start/);
    refuses(() => parsePortSpec('8009-8000:80'), 'INVALID', /host port range/);
  });

  it('refuse other protocols', () => {
    refuses(() => parsePortSpec('80/icmp'), 'INVALID', /'icmp' is not one of tcp, udp, sctp/);
    refuses(() => parsePortSpec('80/'), 'INVALID', /protocol ''/);
    refuses(() => parsePortSpec('80/tcp/udp'), 'INVALID', /'tcp\/udp'/);
  });

  it('refuse host addresses that are none', () => {
    refuses(() => parsePortSpec('localhost:8080:80'), 'INVALID', /'localhost' must be a plain IP address/);
    refuses(() => parsePortSpec('010.0.0.1:8080:80'), 'INVALID', /plain IP address/);
    refuses(() => parsePortSpec('[127.0.0.1]:8080:80'), 'INVALID', /plain IP address such as \[2001:db8::1\]/);
    refuses(() => parsePortSpec('[fe80::1%eth0]:8080:80'), 'INVALID', /plain IP address/);
    refuses(() => parsePortSpec('[::ffff:192.0.2.1]:8080:80'), 'INVALID', /write it as 192\.0\.2\.1/);
    refuses(() => parsePortSpec('224.0.0.1:8080:80'), 'INVALID', /multicast/);
    refuses(() => parsePortSpec('::1:8080:80'), 'INVALID', /in brackets, as in \[::1\]:80:80/);
    refuses(() => parsePortSpec('2001:db8::1:8080:80'), 'INVALID', /in brackets/);
    refuses(() => parsePortSpec('2001:db8:1:2:3:4:5:6:8080:80'), 'INVALID', /in brackets/);
    refuses(() => parsePortSpec('[::1]'), 'INVALID', /then '\]:'/);
    refuses(() => parsePortSpec('[::1'), 'INVALID', /then '\]:'/);
    refuses(() => parsePortSpec('[]:80:80'), 'INVALID', /plain IP address/);
  });

  it('refuse any text with one line, and at once', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('8', '0', '-', ':', '[', ']', '/', '.', 't', '\n', "'"), maxLength: 30 }), (text) => {
        try {
          assert.ok(parsePortSpec(text).length > 0);
        } catch {
          refuses(() => parsePortSpec(text), 'INVALID', /^port '/);
        }
      }),
      { numRuns: 2000 },
    );
    refuses(() => parsePortSpec(`${':'.repeat(200_000)}80`), 'INVALID');
  });
});
