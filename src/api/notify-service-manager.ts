import { closeFile, openSocketFd, sendTo } from '../kernel/sys.ts';

/** linux/un.h */
const AF_UNIX = 1;
/** linux/net.h */
const SOCK_DGRAM = 2;

/**
 * Tells systemd how far we are (sd_notify(3)): `READY=1`, `STOPPING=1`. Nothing happens without a
 * service manager that listens.
 */
export function notifyServiceManager(state: 'READY=1' | 'STOPPING=1', environment: NodeJS.ProcessEnv = process.env): void {
  const path = environment['NOTIFY_SOCKET'];
  if (path === undefined || path === '') return;
  const fd = openSocketFd(AF_UNIX, SOCK_DGRAM, 0, 'NOTIFY_SOCKET');
  try {
    const data = Buffer.from(state);
    sendTo(fd, data, data.length, unixAddress(path), `tell ${path}`);
  } finally {
    closeFile(fd);
  }
}

/** struct sockaddr_un; a leading `@` stands for the zero byte of the abstract name space. */
function unixAddress(path: string): Buffer {
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat([family, Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`)]);
}
