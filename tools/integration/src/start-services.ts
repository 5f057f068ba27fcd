import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Etcd } from './etcd';
import { serversRoot } from './image';
import { Nats } from './nats';
import { Postgres } from './postgres';
import { makeWorkDir } from './work-dir';

export interface Wanted {
  /** True, or more lines for nats-server's configuration. */
  readonly nats?: boolean | string;
  readonly postgres?: boolean;
  readonly etcd?: boolean;
}

/** Real servers of one spec, on the loopback, each with its own ports and data. */
export interface Services {
  readonly nats: Nats;
  readonly postgres: Postgres;
  readonly etcd: Etcd;
  /** Kills the servers and removes their data. */
  stop(): Promise<void>;
}

/**
 * Starts the servers that a spec needs, as child processes that die with this one. Needs root.
 * @example const services = await startServices({ nats: true, postgres: true }); afterAll(() => services.stop());
 */
export const startServices = async (wanted: Wanted): Promise<Services> => {
  const root = await serversRoot();
  const dir = makeWorkDir();
  const start = async <S>(name: string, want: unknown, create: (dir: string) => Promise<S>): Promise<S> =>
    want ? create(join(dir, name)) : (notStarted(name) as S);
  const [nats, postgres, etcd] = await Promise.all([
    start('nats', wanted.nats, (path) =>
      Nats.create(root, path, typeof wanted.nats === 'string' ? wanted.nats : ''),
    ),
    start('postgres', wanted.postgres, (path) => Postgres.create(root, path)),
    start('etcd', wanted.etcd, (path) => Etcd.create(root, path)),
  ]);
  const started = [wanted.nats && nats, wanted.postgres && postgres, wanted.etcd && etcd].filter(
    (service) => !!service,
  );
  return {
    nats,
    postgres,
    etcd,
    stop: async () => {
      await Promise.all(started.map((service) => service.kill()));
      rmSync(dir, { recursive: true, force: true });
    },
  };
};

const notStarted = (name: string): object =>
  new Proxy(
    {},
    {
      get: (_, property) => {
        // Resolving a promise with this object checks whether it is a promise too.
        if (property === 'then') return undefined;
        throw new Error(`startServices was not asked for ${name}`);
      },
    },
  );
