import { chownSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { freePort } from './free-port';
import { ServerProcess } from './server-process';
import { userId } from './user-id';

/** A nats-server with JetStream. */
export class Nats extends ServerProcess {
  private constructor(
    readonly port: number,
    private readonly dir: string,
    root: string,
  ) {
    super({
      name: 'nats',
      root,
      data: dir,
      user: 'nats',
      argv: ['/usr/sbin/nats-server', '-c', '/srv/nats.conf'],
      ready: () => greets(port),
    });
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** @param config more lines of the server's configuration, e.g. its users; /srv is `files` on the host. */
  static async create(root: string, dir: string, config = ''): Promise<Nats> {
    const nats = new Nats(await freePort(), dir, root);
    writeFileSync(
      join(dir, 'nats.conf'),
      `listen: 127.0.0.1:${nats.port}\njetstream { store_dir: /srv/jetstream }\n${config}\n`,
    );
    const { uid, gid } = userId(root, 'nats');
    chownSync(dir, uid, gid);
    await nats.start();
    return nats;
  }

  /** Deletes the streams, like setting up a machine again. Call it only while the server is not running. */
  eraseData(): void {
    rmSync(join(this.dir, 'jetstream'), { recursive: true, force: true });
  }
}

/** A server that is ready sends INFO to every client that connects. */
const greets = (port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.setTimeout(1_000, () => socket.destroy(new Error('no greeting')));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
    socket.once('data', () => {
      resolve();
      socket.destroy();
    });
  });
