/** The part of node's streams that libuv's uv_stream_set_blocking() hides behind. */
interface Unblockable {
  readonly _handle?: { readonly setBlocking?: (blocking: boolean) => number } | null;
}

/**
 * Makes standard input, output and error blocking again. Node opens all three when commander
 * imports node:process, pipes become non-blocking by that, and O_NONBLOCK belongs to the open file:
 * whoever shares it, or comes after us by execve, would get EAGAIN.
 */
export function makeStreamsBlocking(): void {
  for (const stream of [process.stdin, process.stdout, process.stderr] as readonly Unblockable[]) stream._handle?.setBlocking?.(true);
}
