import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDockerDoors, type DockerDoorOptions, type DockerDoors } from '../../plugins/docker/open-docker-doors.ts';
import { NetworkError } from '../../src/common/error.ts';
import { Controller } from '../../src/controller/controller.ts';
import { nftBackend } from '../../src/firewall/nft-backend.ts';
import type { OpenSocket, SocketPlace, SocketRequest } from '../../src/kernel/kernel.ts';
import { HOST } from '../../src/kernel/op.ts';
import { openSocket } from '../../src/kernel/open-socket.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import type { Store } from '../../src/store/store.ts';
import { RecordingKernel } from './recording-kernel.ts';

/** What came back for one call. */
export interface DoorReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** A body for {@link TestDoors.send}: sent as it is, or as JSON. */
export type DoorBody = string | Buffer | object | undefined;

/** The doors with a controller on a kernel that only takes notes. */
export class TestDoors implements AsyncDisposable {
  readonly controller: Controller;
  readonly kernel: NotingKernel;
  readonly store: Store;
  readonly folder: string;
  readonly doors: DockerDoors;

  private constructor(parts: Pick<TestDoors, 'controller' | 'kernel' | 'store' | 'folder' | 'doors'>) {
    this.controller = parts.controller;
    this.kernel = parts.kernel;
    this.store = parts.store;
    this.folder = parts.folder;
    this.doors = parts.doors;
  }

  /** @param before kernel and store of doors that ended, to start again on them */
  static async open(options: DockerDoorOptions = {}, before?: Pick<TestDoors, 'kernel' | 'store'>): Promise<TestDoors> {
    const store = before?.store ?? new MemoryStore('0badcafe');
    const kernel = before?.kernel ?? (await hostOfAnEngine());
    const controller = await Controller.open({ kernel, store, firewall: nftBackend(store.instanceId) });
    const folder = await mkdtemp(join(tmpdir(), 'doors-'));
    const doors = await openDockerDoors(controller, folder, { engineSocket: false, ...options });
    return new TestDoors({ controller, kernel, store, folder, doors });
  }

  /** What of ours is there: networks, pools, host ports, links. */
  left(): string[] {
    return [
      ...this.controller.networks().map(({ name }) => `network ${name}`),
      ...this.controller.engine.pools().map(({ id }) => `pool ${id}`),
      ...this.kernel.boundPorts.map((port) => `port ${port}`),
      ...this.kernel.model.links().flatMap(({ name, alias }) => (alias === undefined ? [] : [`link ${name}`])),
    ];
  }

  /** Calls a method as dockerd does: POST, no Content-Type. */
  async call(method: string, body?: DoorBody, socket: string = method.startsWith('Ipam') ? 'tsipam' : 'tsbridge'): Promise<Readonly<Record<string, unknown>>> {
    return (await this.send(method, body, { socket })).json;
  }

  /** {@link call} with everything that comes back. */
  send(path: string, body: DoorBody, options: { readonly socket?: string; readonly verb?: string } = {}): Promise<DoorReply> {
    const { socket = 'tsbridge', verb = 'POST' } = options;
    const payload = body === undefined ? '' : typeof body === 'string' || Buffer.isBuffer(body) ? body : `${JSON.stringify(body)}\n`;
    return new Promise((resolve, reject) => {
      const headers = { accept: 'application/vnd.docker.plugins.v1.2+json', 'content-length': Buffer.byteLength(payload) };
      const call = request({ socketPath: join(this.folder, `${socket}.sock`), path: `/${path}`, method: verb, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: JSON.parse(text) as Record<string, unknown> });
        });
      });
      call.once('error', reject);
      call.end(payload);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.doors[Symbol.asyncDispose]();
    await this.controller[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A host on which dockerd has made its own bridge. */
async function hostOfAnEngine(): Promise<NotingKernel> {
  const kernel = new NotingKernel();
  await kernel.apply([
    { op: 'link-add', namespace: HOST, name: 'docker0', kind: { type: 'bridge' } },
    { op: 'route-add', namespace: HOST, link: 'docker0', destination: '172.17.0.0/16' },
  ]);
  return kernel;
}

/**
 * A recording kernel with sockets as they are: those of two families or addresses may have one
 * port, and listening ones are real, on a port of ::1 that nobody knows, because a proxy takes no less.
 */
export class NotingKernel extends RecordingKernel {
  readonly #held = new Set<Bound>();

  protected override bind(protocol: SocketRequest['protocol'], place: SocketPlace, port: number): OpenSocket {
    const held: Bound = { ...place, protocol, port };
    const name = `${protocol}/${port}`;
    if (this.busyPorts.has(name) || [...this.#held].some((other) => clash(held, other))) throw new NetworkError('IN_USE', `${protocol} port ${port} is in use by another program`);
    this.#held.add(held);
    this.boundPorts.push(name);
    return {
      address: place.address,
      port,
      detach: () => openSocket(protocol, { address: '::1', dualStack: false, listen: true }, 0).fd,
      [Symbol.dispose]: () => {
        if (this.#held.delete(held)) this.boundPorts.splice(this.boundPorts.indexOf(name), 1);
      },
    };
  }
}

interface Bound extends SocketPlace {
  readonly protocol: SocketRequest['protocol'];
  readonly port: number;
}

function clash(a: Bound, b: Bound): boolean {
  if (a.protocol !== b.protocol || a.port !== b.port) return false;
  const families = ({ address, dualStack }: Bound): string => (dualStack ? '46' : address.includes(':') ? '6' : '4');
  const anywhere = ({ address }: Bound): boolean => address === '0.0.0.0' || address === '::';
  return [...families(a)].some((family) => families(b).includes(family)) && (anywhere(a) || anywhere(b) || a.address === b.address);
}
