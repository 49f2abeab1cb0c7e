/**
 * Runs inside a namespace and does its networking there: small servers and connection attempts,
 * ordered as JSON lines on standard input, answered as JSON lines on standard output.
 */
import { createInterface } from 'node:readline';
import { exchange, open, type OpenFlow } from './agent-flow.ts';
import type { AgentReply, AgentRequest, OpenRequest, ProbeResult, Proto } from './agent-protocol.ts';
import { serve, type Listening } from './agent-serve.ts';

const servers = new Map<number, Listening>();
const flows = new Map<number, OpenFlow>();

async function probe(request: OpenRequest): Promise<ProbeResult> {
  const started = performance.now();
  let flow: OpenFlow;
  try {
    flow = await open(request);
  } catch (error) {
    return { outcome: outcomeOf((error as Error).message), answer: '', error: (error as Error).message, local: undefined, ms: performance.now() - started };
  }
  const { data, why } = await exchange(flow, 'hello\n', Math.max(1, request.timeoutMs - (performance.now() - started)));
  flow.close();
  const outcome = data === '' ? silence(request.proto, why) : 'answered';
  return { outcome, answer: data, error: why, local: flow.local, ms: performance.now() - started };
}

/** What it means that nothing came back: a proxy accepts and closes when it finds nobody behind it. */
function silence(proto: Proto, why: string): ProbeResult['outcome'] {
  if (proto !== 'udp') return why === 'ETIMEDOUT' ? 'connected' : 'closed';
  return outcomeOf(why);
}

function outcomeOf(code: string): ProbeResult['outcome'] {
  if (code === 'ECONNREFUSED' || code === 'ECONNRESET') return 'refused';
  return code === 'ETIMEDOUT' ? 'timeout' : 'unreachable';
}

async function answer(request: AgentRequest): Promise<unknown> {
  switch (request.do) {
    case 'serve': {
      const server = await serve(request);
      servers.set(request.id, server);
      return server.port;
    }
    case 'probe':
      return probe(request);
    case 'open': {
      const flow = await open(request);
      flows.set(request.id, flow);
      return flow.local;
    }
    case 'send': {
      const flow = flows.get(request.of);
      if (flow === undefined) throw new Error('no such flow');
      return (await exchange(flow, request.text, request.timeoutMs)).data;
    }
    case 'close':
      flows.get(request.of)?.close();
      flows.delete(request.of);
      servers.get(request.of)?.close();
      servers.delete(request.of);
      return undefined;
  }
}

function reply(content: AgentReply): void {
  process.stdout.write(`${JSON.stringify(content)}\n`);
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const request = JSON.parse(line) as AgentRequest;
    answer(request).then(
      (value) => reply({ id: request.id, value }),
      (error: unknown) => reply({ id: request.id, error: (error as Error).message }),
    );
  })
  .on('close', () => process.exit(0));
