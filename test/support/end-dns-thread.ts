/**
 * Loaded before a daemon (`--import`): SIGUSR2 ends its name server's thread in the middle of whatever it
 * does, as running out of memory would. Nothing in the thread hears of it.
 */
import { isMainThread, type Worker } from 'node:worker_threads';

if (isMainThread) {
  let thread: Worker | undefined;
  process.on('worker', (worker: Worker) => {
    if (worker.threadName === 'dns') thread = worker;
  });
  process.on('SIGUSR2', () => void thread?.terminate());
}
