import assert from 'node:assert/strict';
import { HostPorts, type ReservedPort } from '../../src/ports/host-ports.ts';
import type { HostBinding } from '../../src/ports/socket-groups.ts';
import { RecordingKernel } from '../support/recording-kernel.ts';
import { rejects } from '../support/refusal.ts';

const WEB = { id: '1', name: 'web' };
const OTHER = { id: '2', name: 'other' };

// IPv4 alone needs no proxy, and so no socket that is real.
const four = (hostPort?: number, more: Partial<HostBinding> = {}): HostBinding => ({ protocol: 'tcp', containerPort: 80, families: [4], ...(hostPort === undefined ? {} : { hostPort }), ...more });
const numbers = (ports: readonly ReservedPort[]): number[] => ports.map(({ hostPort }) => hostPort);

describe('host ports', () => {
  let kernel: RecordingKernel;
  let ports: HostPorts;

  beforeEach(() => {
    kernel = new RecordingKernel();
    ports = new HostPorts(kernel);
  });

  const reserve = (owner: typeof WEB, bindings: readonly HostBinding[], by: HostPorts = ports): Promise<ReservedPort[]> => by.reserve(owner, bindings, () => undefined);

  it('are kept while they are wanted, taken when they are new, and given back when they are not', async () => {
    assert.deepEqual(numbers(await reserve(WEB, [four(8080), four(8081), four()])), [8080, 8081, 32_768]);
    kernel.busyPorts.add('tcp/8080');
    // Opened again it would be busy.
    assert.deepEqual(numbers(await reserve(WEB, [four(8080), four(8082)])), [8080, 8082]);
    assert.deepEqual(kernel.boundPorts.toSorted(), ['tcp/8080', 'tcp/8082']);
    await ports.reserve(WEB, [four(8083)], () => undefined, { keep: true });
    assert.deepEqual(kernel.boundPorts.toSorted(), ['tcp/8080', 'tcp/8082', 'tcp/8083']);
    ports.release(WEB.id);
    assert.deepEqual(kernel.boundPorts, []);
  });

  it('stay as they were when one of the new ones is busy', async () => {
    await reserve(WEB, [four(8080)]);
    kernel.busyPorts.add('tcp/8082');
    await rejects(reserve(WEB, [four(8080), four(8081), four(8082)]), 'IN_USE', /8082/);
    await rejects(reserve(OTHER, [four(8079), four(8080)]), 'IN_USE', /^host port 8080\/tcp is published by 'web' already/);
    assert.deepEqual(kernel.boundPorts, ['tcp/8080']);
  });

  it('are none for a binding that is at no host address', async () => {
    assert.deepEqual(await reserve(WEB, [four(8080, { families: [] }), four(8081, { hostAddress: '::1' })]), [
      { protocol: 'tcp', containerPort: 80, hostPort: 0 },
      { protocol: 'tcp', containerPort: 80, hostAddress: '::1', hostPort: 0 },
    ]);
    assert.deepEqual(kernel.boundPorts, []);
  });

  it('of the one that a rehearsal stands in for are free to it, and really taken by nobody', async () => {
    await reserve(WEB, [four(8080)]);
    const rehearsal = new HostPorts(kernel, ports);
    await reserve(WEB, [four(8080)], rehearsal);
    await rejects(reserve(OTHER, [four(8080)], rehearsal), 'IN_USE', /published by 'web'/);
    rehearsal.release(WEB.id);
    assert.deepEqual(numbers(await reserve(OTHER, [four(8080), four(8081)], rehearsal)), [8080, 8081]);
    rehearsal[Symbol.dispose]();
    assert.deepEqual(kernel.boundPorts, ['tcp/8080']);
  });
});
