/** Reads what `nft -j list …` prints (libnftables-json(5)). Unknown things are passed over. */
import type { NftElement } from './nft-elements.ts';
import { TABLES, type KeyType, type TableFamily } from './nft-shape.ts';

/** A chain as listed. */
export interface ListedChain {
  /** `filter hook forward priority -10`; undefined for a chain that is only jumped to. */
  readonly hook: string | undefined;
  readonly policy: string | undefined;
  /** How many. */
  readonly rules: number;
}

type Json = Readonly<Record<string, unknown>>;

/** The objects of one kind in a listing: `table`, `chain`, `set`, `map`, `rule`. */
export function objectsIn(listing: unknown, kind: string): Json[] {
  const objects = isObject(listing) ? listing['nftables'] : undefined;
  if (!Array.isArray(objects)) return [];
  return objects.flatMap((object: unknown) => {
    const found = isObject(object) ? object[kind] : undefined;
    return isObject(found) ? [found] : [];
  });
}

/** A JSON object, not an array or null. */
export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The chains of a table listing by name. */
export function chainsIn(listing: unknown): Map<string, ListedChain> {
  const counts = Map.groupBy(objectsIn(listing, 'rule'), (rule) => String(rule['chain']));
  return new Map(
    objectsIn(listing, 'chain').map((chain) => [
      String(chain['name']),
      {
        hook: chain['hook'] === undefined ? undefined : `${String(chain['type'])} hook ${String(chain['hook'])} priority ${String(chain['prio'])}`,
        policy: chain['policy'] === undefined ? undefined : String(chain['policy']),
        rules: counts.get(String(chain['name']))?.length ?? 0,
      },
    ]),
  );
}

/** The elements of our sets and maps in a listing of one of our tables, by set, in the words in which we write them. */
export function setsIn(listing: unknown, table: TableFamily): Map<string, NftElement[]> {
  const objects = [...objectsIn(listing, 'set'), ...objectsIn(listing, 'map')];
  return new Map(objects.map((object) => [String(object['name']), elementsIn(object, table)]));
}

function elementsIn(object: Json, table: TableFamily): NftElement[] {
  const set = String(object['name']);
  const shape = TABLES[table].sets[set];
  const listed = object['elem'];
  if (shape === undefined || !Array.isArray(listed)) return [];
  return listed.map((element: unknown) => {
    const [key, data] = shape.data !== undefined && Array.isArray(element) ? (element as readonly unknown[]) : [element, undefined];
    const leads = shape.data === undefined ? {} : { data: shape.data === 'verdict' ? verdict(data) : fields(data, shape.data) };
    return { table, set, key: fields(unwrapped(key), shape.key), ...leads };
  });
}

/** An element with a counter, comment or time-out of somebody's comes wrapped. */
function unwrapped(element: unknown): unknown {
  return isObject(element) && isObject(element['elem']) ? element['elem']['val'] : element;
}

function fields(value: unknown, types: readonly KeyType[]): string {
  const parts: readonly unknown[] = isObject(value) && Array.isArray(value['concat']) ? value['concat'] : [value];
  return parts.map((part, index) => field(part, types[index])).join(' . ');
}

function field(value: unknown, type: KeyType | undefined): string {
  if (isObject(value) && isObject(value['prefix'])) return `${String(value['prefix']['addr'])}/${String(value['prefix']['len'])}`;
  if (isObject(value)) return JSON.stringify(value);
  return type === 'ifname' ? `"${String(value)}"` : String(value);
}

function verdict(value: unknown): string {
  if (!isObject(value)) return String(value);
  const [[name, detail] = ['', null]] = Object.entries(value);
  return isObject(detail) ? `${name} ${String(detail['target'])}` : name;
}
