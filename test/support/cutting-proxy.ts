import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * What becomes of connections: `through` lets everything pass, `refuse` closes them at once, `hold` lets nothing pass
 * and says nothing, `deaf` lets requests pass and cuts the connection instead of the first answer.
 */
export type ProxyMode = 'through' | 'refuse' | 'hold' | 'deaf';

/** A TCP proxy on 127.0.0.1 that does what networks do. */
export class CuttingProxy implements AsyncDisposable {
  mode: ProxyMode = 'through';
  /** Connections that came so far. */
  accepted = 0;
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, url: string, target: number) {
    this.#server = server;
    this.url = url;
    server.on('connection', (socket) => this.#join(socket, target));
  }

  /** @param target port on 127.0.0.1 */
  static async start(target: number, protocol = 'http'): Promise<CuttingProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CuttingProxy(server, `${protocol}://127.0.0.1:${(server.address() as AddressInfo).port}`, target);
  }

  /** Cuts what is open, in the middle of whatever is said. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(socket: Socket, target: number): void {
    this.accepted += 1;
    if (this.mode === 'refuse') {
      socket.on('error', () => {}).resetAndDestroy();
      return;
    }
    const onward = connect(target, '127.0.0.1');
    for (const [one, other] of [[socket, onward], [onward, socket]] as const) {
      this.#sockets.add(one);
      // cut on purpose
      one.on('error', () => {});
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    socket.on('data', (data) => this.mode !== 'hold' && onward.write(data));
    onward.on('data', (data) => {
      if (this.mode === 'deaf') socket.resetAndDestroy();
      else if (this.mode !== 'hold' && !socket.write(data)) {
        onward.pause();
        socket.once('drain', () => onward.resume());
      }
    });
  }
}
