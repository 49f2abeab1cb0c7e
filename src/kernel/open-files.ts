import { closeFile } from './sys.ts';

/** As many as a process may have open (open-file-limit.ts); pages that nobody writes to take no memory. */
const MOST = 1 << 20;

/** The descriptors that a thread has open, so that they can be closed when it has ended without doing so. */
export class OpenFiles {
  /** Handed to the thread, for `markOpenFiles` in sys.ts: a byte for each descriptor. */
  readonly table: Uint8Array = new Uint8Array(new SharedArrayBuffer(MOST));

  /** Closes what is still open. The thread must have ended. */
  close(): void {
    for (let fd = this.table.indexOf(1); fd >= 0; fd = this.table.indexOf(1, fd + 1)) {
      this.table[fd] = 0;
      closeFile(fd);
    }
  }
}
