import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { TestDoors } from '../support/docker-doors.ts';

interface Step {
  readonly command?: string;
  readonly socket: string;
  readonly method: string;
  readonly request: Readonly<Record<string, unknown>> | null;
  readonly reply: Readonly<Record<string, unknown>>;
}

/** What dockerd 20.10 sent for the commands in it, and what made it do as it should. */
const steps = readFileSync(new URL('../fixtures/docker-20.10.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Step);

/** Made anew each time. */
function withoutMac(reply: unknown): unknown {
  return JSON.parse(JSON.stringify(reply).replace(/(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/g, 'MAC'));
}

describe('what dockerd 20.10 sends', () => {
  it('is answered as it was when the containers of the record worked', async () => {
    await using doors = await TestDoors.open();
    let command = '';
    for (const step of steps) {
      if (step.command !== undefined) {
        ({ command } = step as { command: string });
        continue;
      }
      const reply = await doors.call(step.method, step.request ?? undefined, step.socket);
      assert.deepEqual(withoutMac(reply), withoutMac(step.reply), `${step.method} of: ${command}`);
    }
    assert.deepEqual(doors.left(), []);
  });

  it('may come twice, but for pools and addresses, and is answered the same', async () => {
    await using doors = await TestDoors.open();
    for (const step of steps) {
      if (step.command !== undefined) continue;
      const once = await doors.call(step.method, step.request ?? undefined, step.socket);
      if (/Request(Pool|Address)$/.test(step.method)) continue;
      const again = await doors.call(step.method, step.request ?? undefined, step.socket);
      assert.deepEqual(again, once, step.method);
    }
    assert.deepEqual(doors.left(), []);
  });

  it('is answered the same by a daemon that starts again after every call', async () => {
    let doors = await TestDoors.open();
    try {
      for (const step of steps) {
        if (step.command !== undefined) continue;
        // The engine fills the container's namespace in after Join.
        const reply = await doors.call(step.method, step.request ?? undefined, step.socket);
        assert.deepEqual(withoutMac(reply), withoutMac(step.reply), step.method);
        const before = doors;
        await before[Symbol.asyncDispose]();
        doors = await TestDoors.open({}, before);
      }
      assert.deepEqual(doors.left(), []);
    } finally {
      await doors[Symbol.asyncDispose]();
    }
  });
});
