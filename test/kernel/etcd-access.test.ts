import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { systemClock } from '../../src/store/etcd/clock.ts';
import { openEtcdStore } from '../../src/store/etcd/open-etcd-store.ts';
import { OutcomeUnknown } from '../../src/store/outcome-unknown.ts';
import { CertificateAuthority } from '../support/certificates.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { Etcd, needEtcd } from '../support/etcd.ts';
import { eventually } from '../support/eventually.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';
import { rejects } from '../support/refusal.ts';

/** Chance that always begins with the first of two endpoints. */
const FIRST_ENDPOINT = { clock: systemClock, random: () => Math.random() / 2 };

inPrivateNamespace(import.meta.filename, () => {
  before(function () {
    needEtcd(this);
  });

  describe('openEtcdStore', () => {
    it('names every server and what is wrong with it, when none answers', async () => {
      const opened = openEtcdStore({ endpoints: ['http://127.0.0.1:1', 'http://no-such-host.invalid:2379'], requestTimeout: 1000 });
      await rejects(opened, 'UNAVAILABLE', /etcd at http:\/\/127\.0\.0\.1:1: connect ECONNREFUSED; is it running\?/, /no-such-host\.invalid:2379: (no address is known|its name could not)/);
    });

    it('gives up waiting for a server that is silent, and uses the next one', async () => {
      await using etcd = await Etcd.start();
      await using proxy = await CuttingProxy.start(etcd.port);
      proxy.mode = 'hold';
      await rejects(openEtcdStore({ endpoints: [proxy.url], requestTimeout: 300 }), 'UNAVAILABLE', /no answer within 0\.3 s/);
      for (let time = 0; time < 4; time++) {
        await using store = await openEtcdStore({ endpoints: [proxy.url, etcd.url], requestTimeout: 300 });
        assert.equal(await store.get('a'), undefined);
      }
    });

    it('stops opening when the caller gives up', async () => {
      await using etcd = await Etcd.start();
      await using proxy = await CuttingProxy.start(etcd.port);
      proxy.mode = 'hold';
      await rejects(openEtcdStore({ endpoints: [proxy.url] }, AbortSignal.timeout(100)), 'ABORTED');
    });

    it('says that the gateway is switched off', async () => {
      await using etcd = await Etcd.start({ flags: ['--enable-grpc-gateway=false'] });
      await rejects(openEtcdStore({ endpoints: [etcd.url] }), 'UNAVAILABLE', /JSON gateway is switched off.*--enable-grpc-gateway=true/);
    });

    it('has one id however many open it at the same time', async () => {
      await using etcd = await Etcd.start();
      const stores = await Promise.all(Array.from({ length: 8 }, () => openEtcdStore({ endpoints: [etcd.url] })));
      assert.equal(new Set(stores.map(({ instanceId }) => instanceId)).size, 1);
      assert.equal(new Set(stores.map(({ clusterId }) => clusterId)).size, 1);
      assert.match(stores[0]?.clusterId ?? '', /^[0-9a-f]{16}$/);
      for (const store of stores) await store[Symbol.asyncDispose]();
    });
  });

  describe('the etcd of another cluster', () => {
    it('is refused by its id', async () => {
      await using etcd = await Etcd.start();
      await rejects(openEtcdStore({ endpoints: [etcd.url], cluster: 'abc' }), 'UNAVAILABLE', /belongs to cluster [0-9a-f]{16} and not to 0000000000000abc/);
      const { clusterId } = await closing(openEtcdStore({ endpoints: [etcd.url] }));
      const again = await closing(openEtcdStore({ endpoints: [etcd.url], cluster: clusterId.replace(/^0+/, '').toUpperCase() }));
      assert.equal(again.clusterId, clusterId);
    });

    it('is left out while one of the right cluster answers', async () => {
      await using mine = await Etcd.start();
      await using other = await Etcd.start({ port: 2479 });
      const { clusterId } = await closing(openEtcdStore({ endpoints: [mine.url] }));
      for (let time = 0; time < 4; time++) {
        await using store = await openEtcdStore({ endpoints: [other.url, mine.url], cluster: clusterId });
        await store.commit([{ key: `a${time}`, value: 1 }]);
      }
      assert.equal((await mine.ctl('get', 'netctl/data/', '--prefix', '--keys-only')).trim().split('\n').filter((line) => line !== '').length, 4);
      assert.equal(await other.ctl('get', '', '--prefix', '--keys-only'), '');
    });

    it('changes nothing when it takes the place of ours: nothing is read from it or written to it', async () => {
      await using mine = await Etcd.start();
      const store = await openEtcdStore({ endpoints: [mine.url], requestTimeout: 500 });
      await store.commit([{ key: 'a', value: 1 }]);
      const watching = (async () => {
        for await (const event of store.watch('')) assert.fail(`an event: ${event.key}`);
      })();
      watching.catch(() => {});
      // the same addresses and so the same cluster id, but empty
      await mine.kill();
      await mine.wipe();
      await mine.start();
      await rejects(store.list(''), 'CORRUPT', /has no store [0-9a-f]{8} \(it has none\)/);
      await rejects(store.get('a'), 'CORRUPT');
      await rejects(store.commit([{ key: 'b', value: 1 }]), 'CORRUPT', /put the data back, or start fresh/);
      await rejects(watching, 'CORRUPT');
      assert.equal(await mine.ctl('get', '', '--prefix', '--keys-only'), '');
      const { instanceId } = store;
      await store[Symbol.asyncDispose]();
      await rejects(openEtcdStore({ endpoints: [mine.url], instance: instanceId }), 'CORRUPT', new RegExp(`no store ${instanceId}`));
      const fresh = await closing(openEtcdStore({ endpoints: [mine.url] }));
      assert.notEqual(fresh.instanceId, instanceId);
      await rejects(openEtcdStore({ endpoints: [mine.url], instance: instanceId }), 'CORRUPT', new RegExp(`it has ${fresh.instanceId}`));
    });

    it('can be absent when a store is opened whose ids are known', async () => {
      await using etcd = await Etcd.start();
      const { instanceId: instance, clusterId: cluster } = await closing(openEtcdStore({ endpoints: [etcd.url] }));
      await etcd.kill();
      await using store = await openEtcdStore({ endpoints: [etcd.url], instance, cluster });
      assert.equal(store.instanceId, instance);
      await rejects(store.get('a'), 'UNAVAILABLE', /ECONNREFUSED/);
      assert.equal(store.health.isReachable, false);
      const back = Promise.withResolvers<boolean>();
      using listening = store.onHealth(({ isReachable }) => back.resolve(isReachable));
      await etcd.start();
      assert.equal(await back.promise, true, String(listening));
      await store.commit([{ key: 'a', value: 1 }]);
    });
  });

  describe('certificates of etcd', () => {
    let folder: string;
    let authority: CertificateAuthority;

    before(async () => {
      folder = mkdtempSync('/run/certificates-');
      authority = await CertificateAuthority.make(folder, 'ours');
    });

    after(() => rmSync(folder, { recursive: true }));

    it('are checked: one that is right opens, every other one is refused by name', async () => {
      const other = await CertificateAuthority.make(folder, 'other');
      {
        await using etcd = await Etcd.start({ tls: await authority.issue('IP:127.0.0.1') });
        await using store = await openEtcdStore({ endpoints: [etcd.url], tls: { ca: authority.ca } });
        const watching = store.watch('')[Symbol.asyncIterator]();
        await store.commit([{ key: 'a', value: 1 }]);
        assert.equal((await watching.next()).value?.key, 'a');
        await rejects(openEtcdStore({ endpoints: [etcd.url], tls: { ca: other.ca } }), 'UNAVAILABLE', /not signed by a CA that is trusted here/);
        await rejects(openEtcdStore({ endpoints: [etcd.url] }), 'UNAVAILABLE', /not signed by a CA that is trusted here/);
        await rejects(openEtcdStore({ endpoints: [etcd.url.replace('https', 'http')] }), 'UNAVAILABLE', /if it wants TLS, write etcds:\/\//);
      }
      await using expired = await Etcd.start({ port: 2480, tls: await authority.issue('IP:127.0.0.1', 1) });
      await rejects(openEtcdStore({ endpoints: [expired.url], tls: { ca: authority.ca } }), 'UNAVAILABLE', /certificate has expired; renew it/);
      await using elsewhere = await Etcd.start({ port: 2490, tls: await authority.issue('DNS:etcd.example,IP:192.0.2.1') });
      await rejects(openEtcdStore({ endpoints: [elsewhere.url], tls: { ca: authority.ca } }), 'UNAVAILABLE', /is for other hosts \(DNS:etcd\.example, IP Address:192\.0\.2\.1\)/);
      await using plain = await Etcd.start({ port: 2500 });
      await rejects(openEtcdStore({ endpoints: [plain.url.replace('http', 'https')] }), 'UNAVAILABLE', /if it does not speak TLS, write etcd:\/\//);
    });

    it('are asked of us too, where etcd wants it', async () => {
      const [mine, foreign] = [await authority.issue('DNS:client'), await (await CertificateAuthority.make(folder, 'foreign')).issue('DNS:client')];
      const server = await authority.issue('IP:127.0.0.1');
      await using etcd = await Etcd.start({ tls: { ...server, clientCa: authority.ca } });
      const { ca } = authority;
      await rejects(openEtcdStore({ endpoints: [etcd.url], tls: { ca } }), 'UNAVAILABLE', /client certificate/);
      await rejects(openEtcdStore({ endpoints: [etcd.url], tls: { ca, ...foreign } }), 'UNAVAILABLE', /client certificate/);
      await closing(openEtcdStore({ endpoints: [etcd.url], tls: { ca, ...mine } }));
      await rejects(openEtcdStore({ endpoints: [etcd.url], tls: { ca, ...(await authority.issue('DNS:client', 1)) } }), 'UNAVAILABLE', /client certificate.*clock/);
    });

    it('must be PEM files that can be read', async () => {
      writeFileSync(`${folder}/der`, Buffer.from([0x30, 0x82]));
      const endpoints = ['https://127.0.0.1:1'];
      await rejects(openEtcdStore({ endpoints, tls: { ca: `${folder}/none` } }), 'INVALID', /ca file '.*none' cannot be read: ENOENT/);
      await rejects(openEtcdStore({ endpoints, tls: { ca: `${folder}/der` } }), 'INVALID', /is no PEM file/);
      writeFileSync(`${folder}/rubbish.pem`, '-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n');
      await rejects(openEtcdStore({ endpoints, tls: { ca: `${folder}/rubbish.pem` } }), 'INVALID', /certificates cannot be used/);
      const [one, other] = [await authority.issue('DNS:one'), await authority.issue('DNS:other')];
      await rejects(openEtcdStore({ endpoints, tls: { ca: authority.ca, certificate: one.certificate, key: other.key } }), 'INVALID', /certificates cannot be used/);
    });
  });

  describe('an etcd that wants a password', () => {
    let etcd: Etcd;
    const root = ['--user=root:secret'];
    const auth = { user: 'netctl', password: 'right' };

    before(async () => {
      etcd = await Etcd.start({ flags: ['--auth-token-ttl=2'] });
      await etcd.ctl('user', 'add', 'root:secret');
      await etcd.ctl('user', 'grant-role', 'root', 'root');
      await etcd.ctl('role', 'add', 'netctl');
      await etcd.ctl('role', 'grant-permission', 'netctl', 'readwrite', '--prefix', 'netctl/');
      await etcd.ctl('user', 'add', 'netctl:right');
      await etcd.ctl('user', 'grant-role', 'netctl', 'netctl');
      await etcd.ctl('auth', 'enable');
    });

    after(() => etcd?.[Symbol.asyncDispose]());

    it('opens to the right one only', async () => {
      await using store = await openEtcdStore({ endpoints: [etcd.url], auth });
      await store.commit([{ key: 'a', value: 1 }]);
      assert.equal((await store.get('a'))?.value, 1);
      await rejects(openEtcdStore({ endpoints: [etcd.url], auth: { user: 'netctl', password: 'wrong' } }), 'FORBIDDEN', /does not know the user with this password/);
      await rejects(openEtcdStore({ endpoints: [etcd.url] }), 'FORBIDDEN', /give user and password/);
      await rejects(openEtcdStore({ endpoints: [etcd.url], auth, prefix: 'foreign/' }), 'FORBIDDEN', /no right to these keys/);
    });

    it('is told who we are again when the token has run out, or rights have changed', async () => {
      await using store = await openEtcdStore({ endpoints: [etcd.url], auth });
      // tokens live in the memory of the server only
      await etcd.kill('SIGTERM');
      await etcd.start();
      await store.commit([{ key: 'a', value: 2 }]);
      await etcd.ctl(...root, 'role', 'grant-permission', 'netctl', 'readwrite', 'other');
      await store.commit([{ key: 'a', value: 3 }]);
      const events = store.watch('')[Symbol.asyncIterator]();
      await etcd.kill('SIGTERM');
      await etcd.start();
      const revision = await eventually(() => store.commit([{ key: 'a', value: 4 }]).catch(() => 0), (given) => given > 0);
      assert.deepEqual((await events.next()).value, { key: 'a', value: 4, revision });
    });

    it('ends a watch without a right to it', async () => {
      await using store = await openEtcdStore({ endpoints: [etcd.url], auth });
      const events = store.watch('')[Symbol.asyncIterator]();
      const waiting = events.next();
      waiting.catch(() => {});
      await etcd.ctl(...root, 'role', 'revoke-permission', 'netctl', 'netctl/', '--prefix');
      try {
        await rejects(store.commit([{ key: 'a', value: 2 }]), 'FORBIDDEN', /no right to these keys/);
        await etcd.kill('SIGTERM');
        await etcd.start();
        await rejects(waiting, 'FORBIDDEN');
      } finally {
        await etcd.ctl(...root, 'role', 'grant-permission', 'netctl', 'readwrite', '--prefix', 'netctl/');
      }
    });

    it('says so when there is no need of one', async () => {
      await using open = await Etcd.start({ port: 2479 });
      await rejects(openEtcdStore({ endpoints: [open.url], auth }), 'FORBIDDEN', /authentication switched off/);
    });
  });

  describe('a commit to etcd', () => {
    let etcd: Etcd;

    beforeEach(async () => {
      etcd = await Etcd.start({ flags: ['--quota-backend-bytes=16000000'] });
    });

    afterEach(() => etcd[Symbol.asyncDispose]());

    it('is refused in words when it is too large', async () => {
      await using store = await openEtcdStore({ endpoints: [etcd.url] });
      await rejects(store.commit([{ key: 'a', value: 'x'.repeat(2_000_000) }]), 'INVALID', /larger than etcd takes/);
      const many = Array.from({ length: 129 }, (_, at) => ({ key: `a${at}`, value: at }));
      await rejects(store.commit(many), 'INVALID', /more changes and checks than etcd takes at once/);
      await store.commit(many.slice(1));
      assert.equal((await store.list('')).entries.length, 128);
    });

    it('is refused in words when the database is full', async () => {
      await using store = await openEtcdStore({ endpoints: [etcd.url] });
      const fill = async (): Promise<void> => {
        for (let at = 0; at < 40; at++) await store.commit([{ key: 'large', value: 'x'.repeat(1_000_000) }]);
      };
      await rejects(fill(), 'UNAVAILABLE', /database of etcd is full.*alarm disarm/);
      assert.equal(store.health.isReachable, true);
      assert.notEqual(await store.get('large'), undefined);
    });

    it('that may have got lost on the way is told from one that was refused', async () => {
      await using proxy = await CuttingProxy.start(etcd.port);
      await using store = await openEtcdStore({ endpoints: [proxy.url], requestTimeout: 1000 });
      await store.commit([{ key: 'a', value: 1 }]);
      proxy.mode = 'deaf';
      await assert.rejects(store.commit([{ key: 'a', value: 2 }]), (error) => error instanceof OutcomeUnknown && /not known: read it again/.test(error.message));
      proxy.mode = 'refuse';
      proxy.cut();
      await eventually(async () => store.get('a').then(() => true, () => false), (answers) => !answers);
      await assert.rejects(store.commit([{ key: 'a', value: 3 }]), (error) => !(error instanceof OutcomeUnknown));
      proxy.mode = 'through';
      assert.equal((await store.get('a'))?.value, 2);
    });

    it('that depends on its own key is made again, and knows that it was carried out', async () => {
      await using deaf = await CuttingProxy.start(etcd.port);
      await using direct = await openEtcdStore({ endpoints: [etcd.url] });
      for (const key of ['a', 'b']) {
        deaf.mode = 'through';
        await using store = await openEtcdStore({ endpoints: [deaf.url, etcd.url] }, undefined, FIRST_ENDPOINT);
        deaf.mode = 'deaf';
        const revision = await store.commit([{ key, value: 'same', expected: 0 }]);
        assert.deepEqual(await direct.get(key), { key, value: 'same', revision });
        assert.equal(await store.commit([{ key, value: 'same', expected: revision }]), revision + 1);
        await rejects(store.commit([{ key, value: 'same', expected: revision }]), 'IN_USE');
        await rejects(store.commit([{ key, value: 'same', expected: 0 }]), 'EXISTS');
      }
    });

    it('lost the race when somebody else wrote the very same value', async () => {
      await using deaf = await CuttingProxy.start(etcd.port);
      await using winner = await openEtcdStore({ endpoints: [etcd.url] });
      await winner.commit([{ key: 'lock', value: 1, expected: 0 }]);
      await using loser = await openEtcdStore({ endpoints: [deaf.url, etcd.url] }, undefined, FIRST_ENDPOINT);
      deaf.mode = 'deaf';
      await rejects(loser.commit([{ key: 'lock', value: 1, expected: 0 }]), 'EXISTS');
    });

    it('is not made again when it could take place twice', async () => {
      await using deaf = await CuttingProxy.start(etcd.port);
      await using store = await openEtcdStore({ endpoints: [deaf.url, etcd.url] }, undefined, FIRST_ENDPOINT);
      deaf.mode = 'deaf';
      const committed = store.commit([{ key: 'a', value: 1 }], { checks: [{ key: 'b', expected: 0 }] });
      await assert.rejects(committed, (error) => error instanceof OutcomeUnknown);
      // carried out once; the next request goes to the other server
      const { revision, ...entry } = (await store.get('a')) ?? { revision: 0 };
      assert.deepEqual(entry, { key: 'a', value: 1 });
      assert.equal((await store.list('')).revision, revision);
    });
  });
});

/** Opens a store only to look at it. */
async function closing<Store extends AsyncDisposable>(opened: Promise<Store>): Promise<Store> {
  const store = await opened;
  await store[Symbol.asyncDispose]();
  return store;
}
