import { chownSync } from 'node:fs';
import { freePort } from './free-port';
import { ServerProcess } from './server-process';
import { userId } from './user-id';

export class Etcd extends ServerProcess {
  private constructor(
    readonly url: string,
    peerUrl: string,
    root: string,
    dir: string,
  ) {
    super({
      name: 'etcd',
      root,
      data: dir,
      user: 'etcd',
      argv: ['/usr/bin/etcd', '--name=etcd', '--data-dir=/srv/data', '--log-level=warn']
        .concat([`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`])
        .concat([`--listen-peer-urls=${peerUrl}`, `--initial-advertise-peer-urls=${peerUrl}`])
        .concat([`--initial-cluster=etcd=${peerUrl}`]),
      ready: async () => {
        const health = await fetch(`${url}/health`);
        if (!health.ok) throw new Error(await health.text());
      },
    });
  }

  static async create(root: string, dir: string): Promise<Etcd> {
    const [client, peer] = [await freePort(), await freePort()];
    const etcd = new Etcd(`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`, root, dir);
    const { uid, gid } = userId(root, 'etcd');
    chownSync(dir, uid, gid);
    await etcd.start();
    return etcd;
  }
}
