/** The line between the site and its upper site: a relay that can be cut the way a cable is, without a word to either end. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Link {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #blocked = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens on a port of loopback and relays to another. */
  static async open(listenPort: number, targetPort: number): Promise<Link> {
    const server = createServer({ pauseOnConnect: true });
    const link = new Link(server);
    server.on('connection', (near) => {
      const far = connect(targetPort, '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        link.#sockets.add(from);
        from.on('data', (chunk: Buffer) => {
          if (!to.write(chunk)) from.pause();
        });
        to.on('drain', () => link.#resume(from));
        from.on('error', () => undefined);
        from.on('close', () => {
          link.#sockets.delete(from);
          to.destroy();
        });
      }
      if (link.#blocked) far.pause();
      else near.resume();
    });
    server.listen(listenPort, '127.0.0.1');
    await once(server, 'listening');
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on nothing arrives, and nobody is told: connections stay open. */
  block(): void {
    this.#blocked = true;
    for (const socket of this.#sockets) socket.pause();
  }

  unblock(): void {
    this.#blocked = false;
    for (const socket of this.#sockets) socket.resume();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #resume(socket: Socket): void {
    if (!this.#blocked) socket.resume();
  }
}
