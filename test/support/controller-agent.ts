/** Runs in a private host: opens the library's controller and does what it is told, a JSON line each. */
import { createInterface } from 'node:readline';
import { NetworkError } from '../../src/common/error.ts';
import { openHost } from '../../src/controller/open-host.ts';
import type { FirewallChoice } from '../../src/firewall/open-firewall.ts';

interface Told {
  readonly id: number;
  /** `createNetwork`, `engine.join` … */
  readonly call: string;
  readonly args: readonly unknown[];
}

const [stateFolder = '', firewall = 'auto'] = process.argv.slice(2);
const host = await openHost({ stateFolder, firewall: firewall as FirewallChoice });
const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
host.controller.subscribe((event) => say({ event }));
say({ ready: true, instance: host.controller.instance });
for await (const line of createInterface({ input: process.stdin })) {
  const { id, call, args } = JSON.parse(line) as Told;
  try {
    say({ id, value: (await perform(call, args)) ?? null });
  } catch (error) {
    const { code, message } = NetworkError.from(error);
    say({ id, code, message });
  }
}
await host[Symbol.asyncDispose]();

function perform(call: string, args: readonly unknown[]): Promise<unknown> {
  const [first = '', second] = call.split('.');
  const target: unknown = second === undefined ? host.controller : host.controller.engine;
  const method = (target as Record<string, (...given: readonly unknown[]) => unknown>)[second ?? first];
  if (method === undefined) throw new Error(`the controller has no ${call}`);
  return Promise.resolve(method.apply(target, [...args]));
}
