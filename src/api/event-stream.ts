import type { ControllerEvent } from '../controller/events.ts';
import type { StreamCall } from './route.ts';

/** Bytes that wait for a reader before it is cut off: it must not fill the daemon's memory. */
const MOST_WAITING = 4 * 1024 * 1024;

/** `GET /events`: every event from now on, a line of JSON each, until the reader goes away. */
export function streamEvents({ controller, response, signal }: StreamCall): void {
  response.setHeader('Content-Type', 'application/x-ndjson');
  // Who has the headers misses nothing from here on.
  const subscription = controller.subscribe((event: ControllerEvent) => {
    if (response.writableLength > MOST_WAITING) response.destroy();
    else response.write(`${JSON.stringify(event)}\n`);
  });
  response.flushHeaders();
  signal.addEventListener('abort', () => subscription[Symbol.dispose](), { once: true });
}
