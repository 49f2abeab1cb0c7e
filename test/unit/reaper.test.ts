import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { Reaper } from '../../src/controller/reaper.ts';
import { RecordingKernel } from '../support/recording-kernel.ts';

describe('the reaper', () => {
  it('ends when what it has begun to delete is gone', async () => {
    const kernel = new RecordingKernel();
    const apply = kernel.apply.bind(kernel);
    const [reached, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    kernel.apply = async (...words): Promise<void> => {
      reached.resolve();
      await opened.promise;
      return apply(...words);
    };
    const steps: string[] = [];
    const reaper = new Reaper({ kernel, group: 7, report: (error) => assert.fail(String(error)), done: async () => void steps.push('forgotten') });
    reaper.wake(['/run/netns/box'], { note: 'departure/box' });
    await reached.promise;
    const ended = reaper[Symbol.asyncDispose]().then(() => steps.push('ended'));
    await turn();
    opened.resolve();
    await ended;
    assert.deepEqual(steps, ['forgotten', 'ended']);
    assert.deepEqual(kernel.ops.map((op) => (op.op === 'link-group-delete' ? op.namespace : op.op)), ['host', '/run/netns/box']);
  });
});
