import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../../src/cli/find-program.ts';
import { parseNetworkFlag } from '../../src/cli/network-flag.ts';
import { collectPairs, integer } from '../../src/cli/option-values.ts';
import { plainFlags } from '../../src/cli/plain-flags.ts';
import { portPairs } from '../../src/cli/port-text.ts';
import { ownStat } from '../../src/cli/process-stat.ts';
import { randomName } from '../../src/cli/random-name.ts';
import { sandboxBody } from '../../src/cli/sandbox-options.ts';
import { formatSheet, formatTable } from '../../src/cli/table.ts';
import { requireSandboxName } from '../../src/common/name.ts';
import { refuses } from '../support/refusal.ts';

describe('--network', () => {
  it('takes a name, and keys behind it', () => {
    assert.deepEqual(parseNetworkFlag('blue'), { network: 'blue' });
    assert.deepEqual(parseNetworkFlag('name=blue,ip=10.0.0.5,ip6=fd00::5,mac-address=02:00:00:00:00:05,alias=a,alias=b,gw-priority=-3,driver-opt=com.docker.x=a=b,driver-opt=y='), {
      network: 'blue',
      ipv4: '10.0.0.5',
      ipv6: 'fd00::5',
      mac: '02:00:00:00:00:05',
      aliases: ['a', 'b'],
      gatewayPriority: -3,
      options: { 'com.docker.x': 'a=b', y: '' },
    });
  });

  it('refuses what it does not know, by name', () => {
    refuses(() => parseNetworkFlag(''), 'INVALID', /--network '': it must start with the name of a network/);
    refuses(() => parseNetworkFlag('ip=10.0.0.5'), 'INVALID', /it must start with the name/);
    refuses(() => parseNetworkFlag('blue,colour=red'), 'INVALID', /unknown key 'colour'; there are ip, ip6/);
    refuses(() => parseNetworkFlag('blue,ip'), 'INVALID', /'ip' must be KEY=VALUE/);
    refuses(() => parseNetworkFlag('blue,ip=1.1.1.1,ip=1.1.1.2'), 'INVALID', /ip is given twice/);
    refuses(() => parseNetworkFlag('blue,gw-priority=1e3'), 'INVALID', /gw-priority '1e3' must be a whole number/);
  });
});

describe('sandboxBody', () => {
  it('says only what was said', () => {
    assert.deepEqual(sandboxBody('web', {}), { name: 'web' });
    assert.deepEqual(sandboxBody('web', { dnsSearch: ['a.b'] }), { name: 'web', dns: { search: ['a.b'] } });
  });

  it('adds the options of the one network to what its flag says', () => {
    const { networks } = sandboxBody('web', { network: ['blue,alias=a,driver-opt=x=1'], ip: '10.0.0.5', alias: ['b'], driverOpt: { y: '2' }, gwPriority: 7 });
    assert.deepEqual(networks, [{ network: 'blue', ipv4: '10.0.0.5', aliases: ['a', 'b'], options: { x: '1', y: '2' }, gatewayPriority: 7 }]);
  });

  it('refuses options of a network where it is not plain which', () => {
    refuses(() => sandboxBody('web', { ip: '10.0.0.5' }), 'INVALID', /there is none/);
    refuses(() => sandboxBody('web', { network: ['blue', 'green'], alias: ['x'] }), 'INVALID', /need a single --network/);
  });
});

describe('option values', () => {
  it('keep everything behind the first =', () => {
    const parse = collectPairs('--label');
    assert.deepEqual(parse('c', parse('a=b=c', undefined)), { 'a': 'b=c', c: '' });
    refuses(() => parse('=x', undefined), 'INVALID', /--label '=x' must be NAME=VALUE/);
  });

  it('are whole numbers of 32 bits where numbers are asked for', () => {
    assert.deepEqual(['0', '-5', '+7', '2147483647'].map(integer('--n')), [0, -5, 7, 2147483647]);
    for (const text of ['', ' 1', '1.5', '0x10', '2147483648', '1e3', '١']) refuses(() => integer('--n')(text), 'INVALID', /must be a whole number/);
  });

  it('of flags may be written as Docker does, up to --', () => {
    assert.deepEqual(plainFlags(['--ipv6=true', '--internal=false', '--driver=true', '--', '--ipv6=true']), ['--ipv6', '--no-internal', '--driver=true', '--', '--ipv6=true']);
  });
});

describe('printing', () => {
  it('aligns columns, and leaves no blanks at the end of lines', () => {
    assert.deepEqual(formatTable(['ID', 'NAME'], [['1', 'long one'], ['22', '']]), ['ID   NAME', '1    long one', '22']);
    assert.deepEqual(formatTable(['ID', 'NAME'], []), ['ID   NAME']);
  });

  it('puts the items of a list under each other', () => {
    assert.deepEqual(formatSheet([['Name', 'web'], ['Networks', ['a', 'b']], ['Ports', []]]), ['Name:     web', 'Networks: a', '          b', 'Ports:    -']);
  });

  it('writes ports as docker port does: by the container port, a line for each family', () => {
    const ports = [
      { protocol: 'udp', containerPort: 53, hostPort: 5353, hostAddress: '127.0.0.1' },
      { protocol: 'tcp', containerPort: 443, hostPort: 8443, hostAddress: '::1' },
      { protocol: 'tcp', containerPort: 53, hostPort: 5300 },
    ] as const;
    assert.deepEqual(
      portPairs(ports, []).map(({ container, host }) => `${container} -> ${host}`),
      ['53/tcp -> 0.0.0.0:5300', '53/tcp -> [::]:5300', '53/udp -> 127.0.0.1:5353', '443/tcp -> [::1]:8443'],
    );
  });

  it('writes ports of a routed network where they are open: at the endpoint', () => {
    assert.deepEqual(portPairs([{ protocol: 'tcp', containerPort: 80, hostPort: 0 }], ['10.9.0.2', 'fd00::2']).map(({ host }) => host), ['10.9.0.2:80', '[fd00::2]:80']);
    assert.deepEqual(portPairs([{ protocol: 'tcp', containerPort: 80, hostAddress: '::', hostPort: 0 }], ['10.9.0.2', 'fd00::2']).map(({ host }) => host), ['[fd00::2]:80']);
  });

  it('gives names that sandboxes may have', () => {
    const names = Array.from({ length: 200 }, randomName);
    names.forEach(requireSandboxName);
    assert.ok(new Set(names).size > 190);
  });
});

describe('findProgram', () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'programs-'));
    await writeFile(join(folder, 'plain'), '');
    await writeFile(join(folder, 'program'), '', { mode: 0o755 });
    await chmod(join(folder, 'program'), 0o755);
  });

  after(() => rm(folder, { recursive: true }));

  it('looks a name up in PATH, and takes a path as it is', () => {
    assert.deepEqual(findProgram('program', `/nowhere:${folder}`), { path: join(folder, 'program') });
    assert.deepEqual(findProgram(join(folder, 'program'), ''), { path: join(folder, 'program') });
  });

  it('says 127 for what is not there and 126 for what cannot be run', () => {
    assert.deepEqual(findProgram('nothing', folder), { exitCode: 127, reason: 'not found in PATH' });
    assert.deepEqual(findProgram('', folder), { exitCode: 127, reason: 'no such program' });
    assert.deepEqual(findProgram(join(folder, 'nothing')), { exitCode: 127, reason: 'no such file' });
    assert.deepEqual(findProgram('plain', folder), { exitCode: 126, reason: 'permission denied' });
    assert.deepEqual(findProgram(folder), { exitCode: 126, reason: 'is a folder' });
  });
});

describe('ownStat', () => {
  const stat = (group: number, terminal: number, foreground: number): string =>
    `42 (a) b (c) S 1 ${String(group)} 42 ${String(terminal)} ${String(foreground)} 4194560 1 0 0 0 1 2 0 0 20 0 11 0 987654 1000 200 18446744073709551615`;

  it('reads past any name of the program', () => {
    assert.deepEqual(ownStat(stat(42, 34816, 42)), { startTime: '987654', foreground: true });
    assert.equal(ownStat(stat(42, 34816, 43)).foreground, false);
    assert.equal(ownStat(stat(42, 0, -1)).foreground, false);
    assert.match(ownStat().startTime, /^\d+$/);
  });
});
