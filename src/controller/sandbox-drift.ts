/** Whether sandboxes have their namespaces, and making those that have none. */
import { NetworkError } from '../common/error.ts';
import type { FoundNamespace } from '../kernel/kernel.ts';
import type { Op } from '../kernel/op.ts';
import type { Context } from './context.ts';
import { isAlive } from './is-alive.ts';
import type { SandboxRecord } from './records.ts';
import { endLease, makeNamespace, namespaceLabel, removeSandbox } from './sandboxes.ts';

/** What is wrong with a sandbox's namespace, a sentence, and what can be done. */
export interface SandboxProblem {
  readonly message: string;
  readonly remedy: string;
}

/**
 * Makes namespaces that are missing again, takes away the sandboxes whose process or adopted
 * namespace is gone. What is somebody else's is left alone: the sandbox is displaced until its name
 * is free again.
 * @returns what had to be repaired, a sentence each
 */
export async function settleSandboxes(context: Context): Promise<string[]> {
  const repairs: string[] = [];
  for (const { id, name, lease } of context.ledger.sandboxes.values()) {
    if (lease === undefined || (await isAlive(lease))) continue;
    await endLease(context, id);
    repairs.push(`sandbox '${name}' removed: the process it lived for has ended`);
  }
  for (const [sandbox, found] of await look(context)) {
    const { id, name, kind, namespace } = sandbox;
    if (found?.identity === undefined) context.ledger.identities.delete(id);
    else context.ledger.identities.set(id, found.identity);
    if (kind === 'named') repairs.push(...(await settleNamed(context, sandbox, found)));
    else if (found?.identity !== sandbox.identity) {
      await removeSandbox(context, id);
      repairs.push(`sandbox '${name}' removed: its namespace ${namespace} is gone`);
    }
  }
  return repairs;
}

/** What is wrong with the namespaces of sandboxes; changes nothing. */
export async function sandboxDrift(context: Context): Promise<SandboxProblem[]> {
  const { instanceId } = context.store;
  return [...(await look(context))].flatMap(([sandbox, found]): SandboxProblem[] => {
    const { name, kind, namespace } = sandbox;
    if (kind === 'adopted') {
      if (found?.identity === sandbox.identity) return [];
      return [{ message: `namespace ${namespace} of sandbox '${name}' is gone`, remedy: "'netctl doctor --fix' removes the sandbox" }];
    }
    if (isComplete(instanceId, sandbox, found)) return [];
    const reason = foreign(instanceId, sandbox, found);
    if (reason === undefined) return [{ message: `network namespace '${name}' is missing`, remedy: "'netctl doctor --fix' makes it again" }];
    return [{ message: `sandbox '${name}' has no namespace: ${reason}`, remedy: `free the name ('ip netns del ${name}') and run 'netctl doctor --fix', or 'netctl sandbox rm ${name}'` }];
  });
}

async function look({ kernel, ledger }: Context): Promise<ReadonlyMap<SandboxRecord, FoundNamespace | undefined>> {
  const sandboxes = [...ledger.sandboxes.values()];
  const found = new Map((await kernel.findNamespaces(sandboxes.map(({ namespace }) => namespace))).map((one) => [one.path, one]));
  return new Map(sandboxes.map((sandbox) => [sandbox, found.get(sandbox.namespace)]));
}

async function settleNamed(context: Context, sandbox: SandboxRecord, found: FoundNamespace | undefined): Promise<string[]> {
  const { ledger, names, store } = context;
  const { id, name } = sandbox;
  if (isComplete(store.instanceId, sandbox, found)) {
    ledger.displaced.delete(id);
    return [];
  }
  const reason = foreign(store.instanceId, sandbox, found) ?? (await remake(context, sandbox, found));
  if (reason === undefined) {
    ledger.displaced.delete(id);
    names.moved(id);
    return [`namespace '${name}' made again`];
  }
  if (ledger.displaced.get(id) !== reason) context.events.warn(`sandbox '${name}' has no namespace: ${reason}`);
  ledger.displaced.set(id, reason);
  return [];
}

/** @returns why it could not be made */
async function remake({ kernel, store }: Context, sandbox: SandboxRecord, found: FoundNamespace | undefined): Promise<string | undefined> {
  const left: Op[] = found?.label === undefined ? [] : [{ op: 'namespace-delete', name: sandbox.name, label: found.label }];
  try {
    await kernel.apply([...left, ...makeNamespace(store.instanceId, sandbox)]);
    return undefined;
  } catch (error) {
    return NetworkError.from(error).message;
  }
}

/** It gets its name when all is in it. */
function isComplete(instance: string, sandbox: SandboxRecord, found: FoundNamespace | undefined): boolean {
  return found?.identity !== undefined && found.label === namespaceLabel(instance, sandbox);
}

/** Why what stands under a sandbox's name is not ours to take away; undefined when it is, or nothing stands there. */
function foreign(instance: string, { name, namespace }: SandboxRecord, found: FoundNamespace | undefined): string | undefined {
  if (found === undefined || found.label?.startsWith(`netctl:${instance}:`) === true) return undefined;
  return found.identity === undefined ? `${namespace} is somebody else's file, with no namespace behind it` : `network namespace '${name}' is somebody else's now`;
}
