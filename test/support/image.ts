import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Place } from './place.ts';

/**
 * Flags for `docker run` that lend a container the host's programs, read-only: curl, python3, ip,
 * nft … run in image `bb` as they run on the host.
 */
export const HOST_PROGRAMS = [
  '-v', '/usr:/usr:ro',
  '-v', '/etc/ssl:/etc/ssl:ro',
  '-v', '/etc/alternatives:/etc/alternatives:ro',
] as const;

let archive: Promise<string> | undefined;

/** Path of an archive for `docker load`: image `bb`, busybox under all its names, /www/index.html saying `hello`, and nothing else. */
export function busyboxArchive(place: Place): Promise<string> {
  archive ??= pack(place);
  return archive;
}

async function pack(place: Place): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'image-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  // /lib is a link as on Debian, so that HOST_PROGRAMS bring loader and libraries to where programs look
  await place.sh(
    `mkdir "$folder/root" && cd "$folder/root"
     mkdir -p bin sbin etc tmp proc sys dev root www usr/bin usr/sbin usr/lib usr/lib64
     ln -s usr/lib lib; ln -s usr/lib64 lib64
     cp "$(command -v busybox)" bin/busybox
     for name in $(busybox --list); do [ "$name" = busybox ] || ln -s busybox "bin/$name"; done
     echo hello >www/index.html
     echo 'root:x:0:0:root:/root:/bin/sh' >etc/passwd
     tar -c -f "$folder/layer.tar" .`,
    { env: { folder } },
  );
  // the image format of docker save: https://github.com/moby/docker-image-spec/blob/main/v1.2.md
  const layer = createHash('sha256').update(await readFile(join(folder, 'layer.tar'))).digest('hex');
  await writeFile(join(folder, 'config.json'), JSON.stringify({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    // busybox as a container's first process does not hear SIGTERM: every stop would take 10 s
    config: { Cmd: ['/bin/sh'], Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], StopSignal: 'SIGKILL' },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
    history: [{ created_by: 'busybox' }],
  }));
  await writeFile(join(folder, 'manifest.json'), JSON.stringify([{ Config: 'config.json', RepoTags: ['bb:latest'], Layers: ['layer.tar'] }]));
  await place.sh('cd "$folder" && tar -c -f image.tar config.json manifest.json layer.tar', { env: { folder } });
  return join(folder, 'image.tar');
}
