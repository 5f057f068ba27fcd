import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A proxy to a loopback server that can fall silent like a machine that loses power: nothing passes, and nothing is closed. */
export class SilentEndpoint {
  private readonly sockets = new Set<Socket>();
  private silent = false;
  /** Bytes that the server has sent since the last look. */
  private passed = 0;

  private constructor(private readonly server: Server) {}

  static async to(url: string): Promise<SilentEndpoint> {
    const { hostname, port } = new URL(url);
    const endpoint = new SilentEndpoint(
      createServer((client) => endpoint.join(client, connect(Number(port), hostname))),
    );
    endpoint.server.listen(0, '127.0.0.1');
    await once(endpoint.server, 'listening');
    return endpoint;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The number of bytes that came through since the last call. */
  traffic(): number {
    const { passed } = this;
    this.passed = 0;
    return passed;
  }

  fallSilent(): void {
    this.silent = true;
  }

  speak(): void {
    this.silent = false;
    // Data in flight when it fell silent are lost, as with a machine that was off.
    for (const socket of this.sockets) socket.destroy();
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private join(client: Socket, member: Socket): void {
    const pass = (from: Socket, to: Socket) => {
      this.sockets.add(from);
      from.on('data', (chunk) => {
        if (this.silent) return;
        if (from === member) this.passed += chunk.length;
        to.write(chunk);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        this.sockets.delete(from);
        if (!this.silent) to.destroy();
      });
    };
    pass(client, member);
    pass(member, client);
  }
}
