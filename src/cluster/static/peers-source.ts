import { isMap, LineCounter, parseDocument, type Document } from 'yaml';
import { NetworkError } from '../../common/error.ts';
import { oneLine } from '../../common/quote.ts';

/** From the outside in: keys of mappings, places in lists. */
export type Path = readonly PropertyKey[];

/** The text of a file of hosts, as YAML 1.2 (of which JSON is a part): what stands where. */
export class PeersSource {
  readonly #file: string;
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();

  /** @throws {NetworkError} INVALID with file and line for what is no YAML */
  constructor(file: string, text: string) {
    this.#file = file;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    const [error] = this.#document.errors;
    if (error !== undefined) throw this.#error(error.pos[0], `no YAML: ${oneLine(error.message)}`);
  }

  /** What it says, as JSON would. @throws {NetworkError} INVALID for aliases without end */
  get content(): unknown {
    try {
      return this.#document.toJS() as unknown;
    } catch (error) {
      throw this.#error(0, oneLine((error as Error).message));
    }
  }

  /** The error of something that stands at a place, with file and line. */
  error(path: Path, reason: string): NetworkError {
    for (let length = path.length; length > 0; length -= 1) {
      const offset = this.#offset(path.slice(0, length));
      if (offset !== undefined) return this.#error(offset, reason);
    }
    return this.#error(0, reason);
  }

  /** Where something stands: at its key, if it has one. */
  #offset(path: Path): number | undefined {
    const around = path.length === 1 ? this.#document.contents : this.#document.getIn(path.slice(0, -1), true);
    const last = path.at(-1);
    const pair = isMap(around) ? around.items.find(({ key }) => String(key) === last) : undefined;
    const node = (pair?.key ?? this.#document.getIn(path, true)) as { readonly range?: readonly number[] | null } | undefined;
    return node?.range?.[0];
  }

  #error(offset: number, reason: string): NetworkError {
    return new NetworkError('INVALID', `${this.#file}:${String(this.#lines.linePos(offset).line)}: ${reason}`);
  }
}
