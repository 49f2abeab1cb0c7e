/** Runs inside a private host: holds one peer and does with it what it is told, a JSON line each. */
import { existsSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { choosePeers } from '../peers/all-peers.ts';
import type { Endpoint, Peer } from '../peers/peer.ts';
import { makeNamespaces } from './namespaces.ts';
import { CROWD_PORT, FIRST_PORT, PUBLISHER, type PeerReply, type PeerRequest, type Times } from './protocol.ts';

/** Endpoints that are attached in turn, so that what one leaves behind for a moment is not in the way of the next. */
const TARGETS = 4;
const CLEANED_WITHIN = 30_000;

const [name = ''] = process.argv.slice(2);
const [kind] = choosePeers([name]);
const say = (reply: PeerReply | { readonly ready: true }): void => void process.stdout.write(`${JSON.stringify(reply)}\n`);

const peer = (await kind?.open()) as Peer;
const targets = Array.from({ length: TARGETS }, (_, index) => endpoint(`target${String(index)}`, index, [FIRST_PORT + index]));
let present = 0;
let publisher: Endpoint | undefined;
await makeNamespaces(targets.map((target) => target.name));
say({ ready: true });

for await (const line of createInterface({ input: process.stdin })) {
  try {
    say({ times: await perform(JSON.parse(line) as PeerRequest) });
  } catch (error) {
    say({ error: (error as Error).message });
  }
}
await peer[Symbol.asyncDispose]();
process.exit(0);

function endpoint(title: string, number: number, hostPorts: readonly number[]): Endpoint {
  return { name: title, number, namespace: `/run/netns/${title}`, hostPorts };
}

async function perform(request: PeerRequest): Promise<Times> {
  switch (request.do) {
    case 'populate':
      return populate(request.to);
    case 'sample':
      return sample(request.times);
    case 'publish': {
      publisher = endpoint(`${PUBLISHER}${String(request.ports)}`, 10 + Math.round(Math.log10(request.ports)), Array.from({ length: request.ports }, (_, index) => FIRST_PORT + index));
      await makeNamespaces([publisher.name]);
      await peer.prepare?.(publisher);
      return { attach: [await timed(() => peer.attach(publisher as Endpoint))], detach: [] };
    }
    case 'detach':
      return { attach: [], detach: [await timed(() => peer.detach(publisher as Endpoint))] };
  }
}

async function populate(to: number): Promise<Times> {
  const crowd = Array.from({ length: to - present }, (_, index) => present + index).map((number) => endpoint(`crowd${String(number)}`, 100 + number, [CROWD_PORT + number]));
  present = to;
  await makeNamespaces(crowd.map((one) => one.name));
  await peer.populate(crowd);
  return { attach: [], detach: [] };
}

async function sample(times: number): Promise<Times> {
  const attach: number[] = [];
  const detach: number[] = [];
  const links = linkCount();
  for (let index = 0; index < times; index += 1) {
    const target = targets[index % TARGETS] as Endpoint;
    await peer.prepare?.(target);
    attach.push(await timed(() => peer.attach(target)));
    detach.push(await timed(() => peer.detach(target)));
  }
  // what is still being cleaned up must not be in the way of the next peer
  for (const deadline = performance.now() + CLEANED_WITHIN; linkCount() > links && performance.now() < deadline; ) await delay(2);
  return { attach, detach };
}

async function timed(action: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await action();
  return performance.now() - started;
}

/** Bridges do not count: some peers make theirs with the first endpoint. */
function linkCount(): number {
  return readdirSync('/sys/class/net').filter((link) => !existsSync(`/sys/class/net/${link}/bridge`)).length;
}
