import { parseAddress } from '../common/address.ts';
import { Answers } from './answers.ts';
import { NameTable } from './name-table.ts';
import { encodeName, keyOf, keyOfText } from './name.ts';
import type { Asker } from './names.ts';
import { reverseName } from './reverse-name.ts';

/** What a name of an asker's own leads to. */
export interface OwnName {
  /** Ids of linked endpoints, looked up when they are asked for: they come and go. */
  readonly links: string[];
  /** `--add-host`; undefined for a name that only links have. */
  hosts: Answers | undefined;
}

/** Names that one asker alone knows: its links and extra hosts. */
export class OwnNames {
  readonly names: NameTable<OwnName> = new NameTable();
  readonly reverseNames: NameTable<Answers> = new NameTable();

  /** @throws {NetworkError} INVALID for an extra host's address that is none */
  constructor(asker: Pick<Asker, 'aliases' | 'extraHosts'>) {
    for (const alias of asker.aliases) this.#at(alias.name)?.links.push(alias.endpoint);
    for (const { name, address } of asker.extraHosts) {
      const own = this.#at(name);
      const bytes = encodeName(name);
      if (own === undefined || bytes === undefined) continue;
      const parsed = parseAddress(address);
      (own.hosts ??= new Answers()).add(Answers.to([parsed]));
      const key = keyOfText(reverseName(parsed)) ?? '';
      if (this.reverseNames.get(key) === undefined) this.reverseNames.set(key, Answers.back(bytes));
    }
  }

  #at(name: string): OwnName | undefined {
    const bytes = encodeName(name);
    if (bytes === undefined) return undefined;
    const key = keyOf(bytes);
    const there = this.names.get(key) ?? { links: [], hosts: undefined };
    this.names.set(key, there);
    return there;
  }
}
