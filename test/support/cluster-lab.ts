import assert from 'node:assert/strict';
import type { HostRecord } from '../../src/cluster/records.ts';
import { Controller } from '../../src/controller/controller.ts';
import { MEMBERSHIP_KEY, type MembershipRecord } from '../../src/controller/records.ts';
import { nftBackend } from '../../src/firewall/nft-backend.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { PATIENCE } from './patience.ts';
import { RecordingKernel } from './recording-kernel.ts';
import { RecordingNames } from './recording-names.ts';
import { SharedMemory, SharedServers } from './shared-memory.ts';

/** A host of a cluster whose kernel and servers are models. */
export class ModelHost implements AsyncDisposable {
  readonly record: HostRecord;
  readonly kernel: RecordingKernel = new RecordingKernel();
  shared: SharedMemory;
  readonly #servers: SharedServers;
  readonly warnings: string[] = [];
  readonly #store: MemoryStore;
  names: RecordingNames | undefined;
  #controller: Controller | undefined;

  constructor(servers: SharedServers, number: number, changes: Partial<HostRecord> = {}) {
    this.record = { id: `0000000${String(number)}`, name: `h${String(number)}`, address: `192.0.2.${String(number)}`, mtu: 1500, reaches: ['192.0.2.0/24'], ...changes };
    this.#servers = servers;
    this.shared = new SharedMemory(servers);
    this.#store = new MemoryStore(this.record.id);
  }

  /** Another host, with a copy of what this one has written down. */
  async copy(servers: SharedServers, number: number, changes: Partial<HostRecord> = {}): Promise<ModelHost> {
    const copy = new ModelHost(servers, number, { id: this.record.id, ...changes });
    const { entries } = await this.#store.list('');
    await copy.#store.commit(entries.map(({ key, value }) => ({ key, value })));
    return copy;
  }

  get controller(): Controller {
    assert.ok(this.#controller, `${this.record.name} is down`);
    return this.#controller;
  }

  get isUp(): boolean {
    return this.#controller !== undefined;
  }

  async up(): Promise<this> {
    await this.#becomeMember();
    this.#controller = await Controller.open({
      kernel: this.kernel,
      store: this.#store,
      firewall: nftBackend(this.record.id),
      cluster: { store: this.shared, host: () => this.record },
      openNames: async () => (this.names = new RecordingNames()),
      onEvent: ({ type, action, name }) => {
        if (type === 'daemon' && action === 'warning') this.warnings.push(name);
      },
    });
    return this;
  }

  /** As who opens a cluster writes it down, where this host has a key. */
  async #becomeMember(): Promise<void> {
    const { address, mtu, wireguard } = this.record;
    if (wireguard === undefined) return;
    const value: MembershipRecord = { clusterId: this.shared.clusterId, instanceId: this.shared.instanceId, address, tunnel: { keyFile: '/key', ...wireguard, mtu } };
    await this.#store.commit([{ key: MEMBERSHIP_KEY, value }]);
  }

  /** Ends its daemon; what it has written down stays. */
  async down(): Promise<void> {
    await this.#controller?.[Symbol.asyncDispose]();
    this.#controller = undefined;
  }

  /** The same by kill -9: what is on its way to the servers does not arrive. */
  async crash(): Promise<void> {
    this.shared.isSilent = true;
    await this.down();
    this.shared = new SharedMemory(this.#servers);
  }

  /** What a name leads to, asked as a sandbox here. */
  ask(sandbox: string, name: string): string[] | string {
    assert.ok(this.names, 'names are not served');
    return this.names.ask(this.controller.sandbox(sandbox).id, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }
}

/** Hosts on one set of servers. */
export class ClusterLab implements AsyncDisposable {
  readonly servers: SharedServers = new SharedServers();
  readonly hosts: ModelHost[] = [];

  /** @param changes of what each host is, by its number */
  async open(count: number, changes: (number: number) => Partial<HostRecord> = () => ({})): Promise<this> {
    for (let number = 1; number <= count; number += 1) this.hosts.push(await new ModelHost(this.servers, number, changes(number)).up());
    await this.eventually(() => this.hosts.every(({ controller }) => controller.cluster().hosts.length === count));
    return this;
  }

  host(number: number): ModelHost {
    const host = this.hosts[number - 1];
    assert.ok(host);
    return host;
  }

  /** Waits until something is true. @param limit ms @throws when it does not become so */
  async eventually(isTrue: () => boolean, what = 'that', limit: number = PATIENCE): Promise<void> {
    for (const end = performance.now() + limit; performance.now() < end; ) {
      if (isTrue()) return;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.fail(`${what} did not become true`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.hosts) await host[Symbol.asyncDispose]();
  }
}
