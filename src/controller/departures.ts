/**
 * Links that wait for their deletion inside a namespace that we do not own: after a crash nobody
 * would know where to look for them. So the end of their endpoint leaves a note until they are gone.
 */
import { HOST, type Op } from '../kernel/op.ts';
import type { Change } from '../store/store.ts';
import type { Context } from './context.ts';
import type { DepartureRecord } from './records.ts';

const PREFIX = 'departure/';

/** Notes about endpoints and cables that are about to go; committed together with their end. */
export function departures({ applier }: Context, leaving: readonly { readonly id: string }[]): Change[] {
  return leaving.flatMap(({ id }) =>
    applier.applied(id).links.flatMap(({ namespace, handedOver, label, shared, peer }): Change[] => {
      const place = handedOver ?? namespace;
      const note = (key: string, at: string): Change => ({ key, value: { id, namespace: at, label: label ?? '' } satisfies DepartureRecord });
      if (place === HOST || label === undefined || shared === true) return [];
      return [note(`${PREFIX}${id}`, place), ...(peer === undefined ? [] : [note(`${PREFIX}${id}/peer`, peer.namespace)])];
    }),
  );
}

/** The endpoints have gone: what is noted about them is forgotten when their links are deleted. */
export function departed({ reaper }: Context, notes: readonly Change[]): void {
  for (const { key, value } of notes) reaper.wake([(value as DepartureRecord).namespace], { note: key });
}

/** What a crash has left of endpoints that had gone already. @returns what was done, a sentence each */
export async function finishDepartures({ kernel, store }: Context): Promise<string[]> {
  const { entries } = await store.list(PREFIX);
  const repairs: string[] = [];
  for (const { key, value } of entries) {
    const { namespace, label } = value as DepartureRecord;
    const [place] = await kernel.snapshot([namespace]);
    const left = (place?.links ?? []).filter(({ alias }) => alias === label);
    await kernel.apply(left.map(({ name }): Op => ({ op: 'link-delete', namespace, name })));
    await store.commit([{ key }]);
    repairs.push(...left.map(({ name }) => `stray link ${name} removed from ${namespace}`));
  }
  return repairs;
}
