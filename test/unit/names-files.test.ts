import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync, existsSync, appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { parseBlock, withBlock } from '../../src/controller/managed-block.ts';
import { NetnsFiles, type FileContents, type FileOwner } from '../../src/controller/netns-files.ts';
import { refuses } from '../support/refusal.ts';

const OWNER: FileOwner = { namespace: 'web', mark: '0a0b0c0d 112233445566', kept: [] };
const CONTENTS: FileContents = { hosts: ['127.0.0.1\tlocalhost', '10.9.0.2\tweb'], 'resolv.conf': ['nameserver 127.0.0.11'], hostname: ['web'] };
/** Reads a file again and again until it is told to stop; says how often, and what was not there. */
const READER = `
const { parentPort, workerData, receiveMessageOnPort } = require('node:worker_threads');
const { readFileSync } = require('node:fs');
const bad = [];
let reads = 0;
parentPort.postMessage('ready');
while (receiveMessageOnPort(parentPort) === undefined) {
  const text = readFileSync(workerData.path, 'utf8');
  reads += 1;
  if (!(text.includes('127.0.0.1\\tlocalhost\\n') && text.length >= workerData.least) && bad.length < 3) bad.push(text);
}
parentPort.postMessage([reads, bad]);
`;
const LESS: FileContents = { ...CONTENTS, hosts: ['127.0.0.1\tlocalhost'] };

describe('our part of a file', () => {
  const lines = fc.array(fc.constantFrom('10.0.0.1 a', '# note', '', '\r', '  \t', 'ö', '# netctl: somebody else'), { maxLength: 6 });

  it('is found again, and leaves every byte of the rest as it is', () => {
    fc.assert(
      fc.property(lines, fc.boolean(), lines, lines, lines, (before, ends, after, first, second) => {
        const text = before.join('\n') + (ends ? '\n' : '');
        const edited = `${withBlock(parseBlock(text, 'me'), 'me', first)}${after.join('\n')}`;
        assert.deepEqual(parseBlock(edited, 'me').block, first);
        const twice = withBlock(parseBlock(edited, 'me'), 'me', second);
        const rest = parseBlock(twice, 'me');
        assert.deepEqual(rest.block, second);
        assert.equal(`${rest.before}${rest.after}`, `${text}${after.join('\n')}`);
      }),
    );
  });

  it('is nobody else’s, and none where a mark is gone', () => {
    const text = withBlock(parseBlock('mine\n', 'me'), 'me', ['x']);
    assert.equal(parseBlock(text, 'you').block, undefined);
    assert.equal(parseBlock(text.split('\n').slice(1).join('\n'), 'me').block, undefined);
    assert.equal(parseBlock(text.replace(/.*end of.*\n/, ''), 'me').block, undefined);
  });
});

describe('the files of a namespace', () => {
  let folder: string;
  let files: NetnsFiles;
  const path = (name: string): string => join(folder, 'netns/web', name);
  const read = (name: string): string => readFileSync(path(name), 'utf8');
  const userFile = (name: string, text: string): void => {
    mkdirSync(join(folder, 'netns/web'), { recursive: true });
    writeFileSync(path(name), text);
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'files-'));
    files = new NetnsFiles(join(folder, 'netns'));
    files.makeFolder();
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('come and go as a whole', () => {
    files.write(OWNER, CONTENTS, true);
    assert.match(read('hosts'), /^10\.9\.0\.2\tweb$/m);
    assert.match(read('resolv.conf'), /^nameserver 127\.0\.0\.11$/m);
    assert.equal(read('hostname'), 'web\n');
    assert.equal(statSync(path('hosts')).mode & 0o777, 0o644);
    assert.deepEqual(readdirSync(join(folder, 'netns')), ['web'], 'nothing else, drafts included');
    files.remove(OWNER);
    files.removeFolder();
    assert.deepEqual(readdirSync(folder), []);
  });

  it('are written in place, with the lines of their user', () => {
    files.write(OWNER, CONTENTS, true);
    const { ino } = statSync(path('hosts'));
    writeFileSync(path('hosts'), `10.1.1.1 above\n${read('hosts')}10.1.1.2 below\n`);
    files.write(OWNER, LESS, false);
    assert.equal(statSync(path('hosts')).ino, ino);
    assert.match(read('hosts'), /^10\.1\.1\.1 above\n# netctl[^]*localhost\n# netctl.*\n10\.1\.1\.2 below\n$/);
    assert.doesNotMatch(read('hosts'), /10\.9\.0\.2/);
    const { mtimeMs } = statSync(path('hosts'));
    files.write(OWNER, LESS, false);
    assert.equal(statSync(path('hosts')).mtimeMs, mtimeMs, 'what is right already is not written');
  });

  it('that were there before get our part in front, and are as before in the end', () => {
    const before = { hosts: '10.1.1.1 mine\n# without an end', 'resolv.conf': 'nameserver 198.51.100.1\n', hostname: 'other\n' };
    for (const [name, text] of Object.entries(before)) userFile(name, text);
    const owner: FileOwner = { ...OWNER, kept: files.present('web') };
    files.write(owner, CONTENTS, true);
    assert.match(read('resolv.conf'), /^# netctl.*\nnameserver 127\.0\.0\.11\n# netctl.*\nnameserver 198\.51\.100\.1\n$/);
    assert.equal(read('hostname'), 'other\n');
    files.remove(owner);
    for (const [name, text] of Object.entries(before)) assert.equal(read(name), text);
  });

  it('from which somebody took our part are his', () => {
    files.write(OWNER, CONTENTS, true);
    writeFileSync(path('resolv.conf'), 'nameserver 198.51.100.1\n');
    writeFileSync(path('hostname'), 'other\n');
    files.write(OWNER, LESS, false);
    assert.equal(read('resolv.conf'), 'nameserver 198.51.100.1\n');
    assert.equal(read('hostname'), 'other\n');
    assert.deepEqual(files.stale(OWNER, LESS), []);
    files.remove(OWNER);
    assert.equal(existsSync(join(folder, 'netns/web')), false, 'we made them: programs inside write to them too');
  });

  it('that are gone or half are said to be stale, and made again', () => {
    files.write(OWNER, CONTENTS, true);
    assert.deepEqual(files.stale(OWNER, CONTENTS), []);
    rmSync(path('resolv.conf'));
    assert.deepEqual(files.stale(OWNER, LESS), ['hosts', 'resolv.conf']);
    files.write(OWNER, LESS, false);
    assert.deepEqual(files.stale(OWNER, LESS), []);
  });

  it('never write to where a link leads', () => {
    const target = join(folder, 'resolv.conf');
    writeFileSync(target, 'nameserver 192.0.2.1\n');
    mkdirSync(join(folder, 'netns/web'));
    symlinkSync(target, path('resolv.conf'));
    const owner: FileOwner = { ...OWNER, kept: files.present('web') };
    assert.deepEqual(owner.kept, ['resolv.conf']);
    files.write(owner, CONTENTS, true);
    files.remove(owner);
    assert.equal(readFileSync(target, 'utf8'), 'nameserver 192.0.2.1\n');
    assert.equal(readFileSync(path('resolv.conf'), 'utf8'), 'nameserver 192.0.2.1\n');
  });

  it('never are where a link in place of their folder leads', () => {
    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere);
    for (const name of ['hosts', 'hostname']) writeFileSync(join(elsewhere, name), 'theirs\n');
    symlinkSync(elsewhere, join(folder, 'netns/web'));
    assert.deepEqual(files.present('web'), []);
    refuses(() => files.write(OWNER, CONTENTS, true), 'UNAVAILABLE', /netns\/web is a symbolic link/);
    refuses(() => files.stale(OWNER, CONTENTS), 'UNAVAILABLE', /netns\/web is a symbolic link/);
    files.remove(OWNER);
    assert.deepEqual(readdirSync(elsewhere), ['hostname', 'hosts']);
    for (const name of ['hosts', 'hostname']) assert.equal(readFileSync(join(elsewhere, name), 'utf8'), 'theirs\n');
  });

  it('are written and go, also when one of them cannot', () => {
    mkdirSync(join(folder, 'netns/.web.hosts'));
    refuses(() => files.write(OWNER, CONTENTS, true), 'UNAVAILABLE', /\.web\.hosts/);
    assert.match(read('resolv.conf'), /^nameserver 127\.0\.0\.11$/m);
    assert.equal(read('hostname'), 'web\n');
    refuses(() => files.remove(OWNER), 'UNAVAILABLE', /\.web\.hosts/);
    assert.deepEqual(readdirSync(join(folder, 'netns')), ['.web.hosts']);
  });

  it('keep what is no UTF-8', () => {
    files.write(OWNER, CONTENTS, true);
    const theirs = Buffer.from('10.1.1.1 b\xfccher # \xe9\n', 'latin1');
    appendFileSync(path('hosts'), theirs);
    files.write(OWNER, LESS, false);
    assert.deepEqual(readFileSync(path('hosts')).subarray(-theirs.length), theirs);
    assert.doesNotMatch(read('hosts'), /10\.9\.0\.2/);
  });

  it('are never empty, and never break off', async () => {
    files.write(OWNER, LESS, true);
    appendFileSync(path('hosts'), '10.1.1.2 below\n');
    const least = read('hosts').length;
    const reader = new Worker(READER, { eval: true, execArgv: [], workerData: { path: path('hosts'), least } });
    await once(reader, 'message');
    for (let round = 0; round < 2000; round += 1) files.write(OWNER, round % 2 === 0 ? LESS : CONTENTS, false);
    reader.postMessage('enough');
    const [[reads, bad]] = (await once(reader, 'message')) as [[number, string[]]];
    assert.ok(reads > 100, `only ${String(reads)} reads`);
    assert.deepEqual(bad, []);
  });

  it('say in one line what cannot be written', () => {
    refuses(() => new NetnsFiles(join(folder, 'nix')).write(OWNER, CONTENTS, true), 'UNAVAILABLE', /nix cannot be used: ENOENT/);
    refuses(() => new NetnsFiles('/proc/1/nix').makeFolder(), 'UNAVAILABLE', /^\/proc\/1\/nix cannot be used/);
    new NetnsFiles(join(folder, 'nix')).remove(OWNER);
  });
});
