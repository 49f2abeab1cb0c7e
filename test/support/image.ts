import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
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

/** Tar archive, as a path, of an image with busybox under all its names, /www/index.html saying `hello`, and nothing else. */
export function busyboxArchive(place: Place): Promise<string> {
  archive ??= pack(place);
  return archive;
}

async function pack(place: Place): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'image-'));
  const file = `${folder}.tar`;
  process.once('exit', () => rmSync(file, { force: true }));
  // /bin and /lib are links as on Debian, so that HOST_PROGRAMS bring the loader and libraries to where programs look
  await place.sh(
    `cd "$folder"
     mkdir -p etc tmp proc sys dev root www usr/bin usr/sbin usr/lib usr/lib64
     ln -s usr/lib lib; ln -s usr/lib64 lib64; mkdir bin sbin
     cp "$(command -v busybox)" bin/busybox
     for name in $(busybox --list); do [ "$name" = busybox ] || ln -s busybox "bin/$name"; done
     echo hello >www/index.html
     echo 'root:x:0:0:root:/root:/bin/sh' >etc/passwd
     tar -c -f "$folder.tar" .`,
    { env: { folder } },
  );
  await rm(folder, { recursive: true });
  return file;
}
