import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { NetworkError } from '../../src/common/error.ts';
import { quote } from '../../src/common/quote.ts';
import type { PluginAddress, PluginTls } from './plugin-address.ts';

/** Where a Docker engine looks (docs.docker.com/engine/extend/plugin_api, "Plugin discovery"). */
export const PLUGIN_FOLDERS: readonly string[] = ['/run/docker/plugins', '/etc/docker/plugins', '/usr/lib/docker/plugins'];

/** What may be a plugin's name; it becomes part of a path. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.:-]{0,127}$/;
const GROUP_OR_OTHERS_WRITE = 0o022;
const STICKY = 0o1000;

const text = z.string().nullish().transform((value) => value || undefined);
const description = z.object({
  Addr: z.string().min(1),
  TLSConfig: z
    .object({ InsecureSkipVerify: z.boolean().nullish(), CAFile: text, CertFile: text, KeyFile: text })
    .nullish(),
});

/**
 * Finds a plugin as an engine does: `NAME.sock` in any of the folders, then `NAME.spec` (a URL), then `NAME.json`;
 * each also below `NAME/`.
 * @returns undefined where there is none
 * @throws {NetworkError} FORBIDDEN for what somebody else than root could have put there, INVALID for a file that cannot be understood
 */
export async function findPlugin(name: string, folders: readonly string[]): Promise<PluginAddress | undefined> {
  if (!NAME.test(name)) return undefined;
  for (const [ending, read] of [['sock', fromSocket], ['spec', fromSpec], ['json', fromJson]] as const) {
    for (const folder of folders) {
      for (const path of [join(folder, `${name}.${ending}`), join(folder, name, `${name}.${ending}`)]) {
        if (!(await exists(path))) continue;
        await requireTrusted(name, path);
        return read(name, path);
      }
    }
  }
  return undefined;
}

/** Names of all plugins in the folders, for lists and messages. */
export async function listPlugins(folders: readonly string[]): Promise<string[]> {
  const names = new Set<string>();
  for (const folder of folders) {
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const [, name] = /^(.+)\.(?:sock|spec|json)$/.exec(entry.name) ?? [];
      if (name !== undefined) names.add(name);
      else if (entry.isDirectory() && (await findPlugin(entry.name, [folder]).catch(() => undefined)) !== undefined) names.add(entry.name);
    }
  }
  return [...names].toSorted();
}

async function fromSocket(name: string, path: string): Promise<PluginAddress> {
  if (!(await stat(path)).isSocket()) throw new NetworkError('INVALID', `plugin ${quote(name)}: '${path}' is no socket`);
  return { name, place: path, target: { socketPath: path } };
}

async function fromSpec(name: string, path: string): Promise<PluginAddress> {
  return fromUrl(name, path, (await readDescription(name, path)).trim());
}

async function fromJson(name: string, path: string): Promise<PluginAddress> {
  const parsed = description.safeParse(parseJson(await readDescription(name, path)));
  if (!parsed.success) throw new NetworkError('INVALID', `plugin ${quote(name)}: '${path}' must be JSON with an Addr, as {"Name": "${name}", "Addr": "unix:///run/${name}.sock"}`);
  const { Addr, TLSConfig } = parsed.data;
  const tls = TLSConfig === null || TLSConfig === undefined ? undefined : { insecure: TLSConfig.InsecureSkipVerify ?? false, ca: TLSConfig.CAFile, certificate: TLSConfig.CertFile, key: TLSConfig.KeyFile };
  return fromUrl(name, path, Addr, tls);
}

async function fromUrl(name: string, path: string, address: string, tls?: PluginTls): Promise<PluginAddress> {
  const url = URL.parse(address);
  const socketPath = url?.protocol === 'unix:' && url.host === '' ? decode(url.pathname) : '';
  if (socketPath !== '') {
    if (await exists(socketPath)) await requireTrusted(name, socketPath);
    return { name, place: socketPath, target: { socketPath } };
  }
  const secure = url?.protocol === 'https:' || (url?.protocol === 'tcp:' && tls !== undefined);
  if (url === null || !['tcp:', 'http:', 'https:'].includes(url.protocol) || url.hostname === '') {
    throw new NetworkError('INVALID', `plugin ${quote(name)}: '${path}' names ${quote(address)}, which must be unix:///PATH, tcp://HOST:PORT, http:// or https://`);
  }
  const target = { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(url.port || (secure ? '443' : '80')) };
  return { name, place: address, target, ...(secure ? { tls: tls ?? { insecure: false, ca: undefined, certificate: undefined, key: undefined } } : {}) };
}

/** A plugin moves links of this host about: who can stand in for it is as good as root. */
async function requireTrusted(name: string, path: string): Promise<void> {
  const refuse = (why: string): never => {
    throw new NetworkError('FORBIDDEN', `plugin ${quote(name)}: ${why}; it would move links of this host about as it likes, so only root may have put it there`);
  };
  const own = process.geteuid?.() ?? 0;
  const found = await stat(path);
  if (found.uid !== 0 && found.uid !== own) refuse(`'${path}' belongs to user ${found.uid}`);
  // Who can write to a socket can only talk to who listens there.
  if (found.isFile() && (found.mode & GROUP_OR_OTHERS_WRITE) !== 0) refuse(`others can write to '${path}'`);
  const folder = await stat(dirname(path));
  if (folder.uid !== 0 && folder.uid !== own) refuse(`folder '${dirname(path)}' belongs to user ${folder.uid}`);
  if ((folder.mode & GROUP_OR_OTHERS_WRITE) !== 0 && (folder.mode & STICKY) === 0) refuse(`others can write in folder '${dirname(path)}'`);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function readDescription(name: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new NetworkError('INVALID', `plugin ${quote(name)}: '${path}' cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** Empty for what is not percent-encoded UTF-8. */
function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return '';
  }
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content) as unknown;
  } catch {
    return undefined;
  }
}
