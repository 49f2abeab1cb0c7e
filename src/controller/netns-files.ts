/**
 * The files that `ip netns exec NAME` lays over those of /etc: /etc/netns/NAME/hosts, resolv.conf and
 * hostname. They are files and no kernel objects, and only the controller knows what belongs in them:
 * so they are beside it and not below.
 */
import { closeSync, constants, fstatSync, ftruncateSync, lstatSync, mkdirSync, openSync, readFileSync, renameSync, rmdirSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { NetworkError } from '../common/error.ts';
import { makeFolder } from '../common/make-folder.ts';
import { inLines, parseBlock, withBlock } from './managed-block.ts';

/** The files of a sandbox, by name. */
const FILE_NAMES = ['hosts', 'resolv.conf', 'hostname'] as const;

/** One of {@link FILE_NAMES}. */
export type FileName = (typeof FILE_NAMES)[number];

/** Whose files they are. */
export interface FileOwner {
  /** Name of the namespace, which is that of the folder. */
  readonly namespace: string;
  /** Tells our marks from those of others, one line. */
  readonly mark: string;
  /** Those that were there before the sandbox was. */
  readonly kept: readonly FileName[];
}

/** What belongs into the files: lines. */
export type FileContents = Readonly<Record<FileName, readonly string[]>>;

/** Files of sandboxes below one folder. */
export class NetnsFiles {
  readonly #folder: string;

  /** @param folder `/etc/netns` */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Whether the folder of all is there. */
  get exists(): boolean {
    return lstatSync(this.#folder, { throwIfNoEntry: false }) !== undefined;
  }

  /** Makes the folder of all. @throws {NetworkError} UNAVAILABLE */
  makeFolder(): void {
    this.#attempt(() => makeFolder(this.#folder, 0o755));
  }

  /** Those of the files that are there, whoever made them. */
  present(namespace: string): FileName[] {
    if (this.#isLink(namespace)) return [];
    return FILE_NAMES.filter((name) => lstatSync(this.#path(namespace, name), { throwIfNoEntry: false }) !== undefined);
  }

  /**
   * Brings the files up to date. What others wrote into them stays, and a file from which somebody took our
   * marks is his: it is not touched any more. One that cannot be written keeps none of the others from it.
   * @param fresh the sandbox is new: a file that was there before gets our part
   * @throws {NetworkError} UNAVAILABLE naming the file and why it cannot be written
   */
  write(owner: FileOwner, contents: FileContents, fresh: boolean): void {
    this.#refuseLink(owner.namespace);
    this.#attempt(() => unlessThere(() => mkdirSync(join(this.#folder, owner.namespace), { mode: 0o755 })));
    this.#attemptAll([
      () => this.#writeBlock(owner, 'hosts', contents.hosts, fresh),
      () => this.#writeBlock(owner, 'resolv.conf', contents['resolv.conf'], fresh),
      () => {
        // One line, in which no mark could stand: whoever has put another there means it.
        if (!this.present(owner.namespace).includes('hostname')) this.#make(owner.namespace, 'hostname', inLines(contents.hostname));
      },
    ]);
  }

  /** Names of files that {@link write} would write. @throws {NetworkError} UNAVAILABLE */
  stale(owner: FileOwner, contents: FileContents): FileName[] {
    this.#refuseLink(owner.namespace);
    return this.#attempt(() =>
      FILE_NAMES.filter((name) => {
        const found = readRegular(this.#path(owner.namespace, name));
        if (found === undefined) return !this.present(owner.namespace).includes(name);
        const { block } = parseBlock(found, owner.mark);
        return block !== undefined && inLines(block) !== inLines(contents[name]);
      }),
    );
  }

  /**
   * Takes them away; those that were there before become again what they were without us.
   * @throws {NetworkError} UNAVAILABLE
   */
  remove(owner: FileOwner): void {
    if (this.#isLink(owner.namespace)) return;
    this.#attemptAll([
      ...FILE_NAMES.flatMap((name) => [
        () => unlessMissing(() => unlinkSync(this.#draft(owner.namespace, name))),
        () => {
          const path = this.#path(owner.namespace, name);
          if (owner.kept.includes(name)) restore(path, owner.mark);
          else unlessMissing(() => unlinkSync(path));
        },
      ]),
      () => unlessMissing(() => rmdirSync(join(this.#folder, owner.namespace))),
    ]);
  }

  /** Removes the folder of all if nothing is in it. */
  removeFolder(): void {
    unlessMissing(() => rmdirSync(this.#folder));
  }

  #writeBlock(owner: FileOwner, name: FileName, lines: readonly string[], fresh: boolean): void {
    const path = this.#path(owner.namespace, name);
    const found = readRegular(path);
    if (found === undefined) {
      if (!this.present(owner.namespace).includes(name)) this.#make(owner.namespace, name, withBlock(parseBlock('', owner.mark), owner.mark, lines));
      return;
    }
    const parsed = parseBlock(found, owner.mark);
    if (parsed.block === undefined && !fresh) return;
    const wanted = withBlock(parsed, owner.mark, lines);
    if (wanted !== found) overwrite(path, wanted);
  }

  /** Complete from the first moment on. Made outside of the folder, all of whose files `ip netns exec` lays over /etc. */
  #make(namespace: string, name: FileName, content: string): void {
    const draft = this.#draft(namespace, name);
    writeFileSync(draft, content, { mode: 0o644 });
    renameSync(draft, this.#path(namespace, name));
  }

  #draft(namespace: string, name: FileName): string {
    return join(this.#folder, `.${namespace}.${name}`);
  }

  #path(namespace: string, name: FileName): string {
    return join(this.#folder, namespace, name);
  }

  /** What a link leads to is not ours: `ln -s /etc /etc/netns/web` must not get our part into the host's own files. */
  #isLink(namespace: string): boolean {
    return lstatSync(join(this.#folder, namespace), { throwIfNoEntry: false })?.isSymbolicLink() === true;
  }

  #refuseLink(namespace: string): void {
    if (this.#isLink(namespace)) throw new NetworkError('UNAVAILABLE', `${join(this.#folder, namespace)} is a symbolic link, and where it leads nothing is written: put a folder in its place`);
  }

  /** Does all of them. @throws {NetworkError} what was wrong with the first that failed */
  #attemptAll(tasks: readonly (() => void)[]): void {
    const errors = tasks.flatMap((task) => {
      try {
        this.#attempt(task);
        return [];
      } catch (error) {
        return [NetworkError.from(error)];
      }
    });
    const [first] = errors;
    if (first !== undefined) throw first;
  }

  #attempt<T>(task: () => T): T {
    try {
      return task();
    } catch (error) {
      const { message } = error as NodeJS.ErrnoException;
      throw new NetworkError('UNAVAILABLE', `${this.#folder} cannot be used: ${message.replaceAll('\n', ' ')}`, { cause: error });
    }
  }
}

/** undefined where there is no plain file: what a link leads to is not ours to write. */
function readRegular(path: string): string | undefined {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  // A character a byte: what others wrote there may be in any encoding.
  return readFileSync(path, 'latin1');
}

/**
 * In place, because bind mounts hold on to the inode. In one write that is at no moment shorter than what was
 * there: a kill leaves all lines, and perhaps empty ones behind them; who reads in that very moment may see the
 * end of an old line, but never a file that is empty or breaks off.
 */
function overwrite(path: string, wanted: string): void {
  const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const bytes = Buffer.from(wanted, 'latin1');
    const padding = Math.max(0, fstatSync(fd).size - bytes.length);
    writeSync(fd, Buffer.concat([bytes, Buffer.alloc(padding, '\n')]), 0, undefined, 0);
    ftruncateSync(fd, bytes.length);
  } finally {
    closeSync(fd);
  }
}

function restore(path: string, mark: string): void {
  const found = readRegular(path);
  if (found === undefined) return;
  const { before, block, after } = parseBlock(found, mark);
  if (block !== undefined) overwrite(path, `${before}${after}`);
}

function unlessThere(task: () => void): void {
  try {
    task();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function unlessMissing(task: () => void): void {
  try {
    task();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'ENOTDIR') throw error;
  }
}
