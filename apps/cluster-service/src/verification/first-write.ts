import { Inject, Injectable } from '@nestjs/common';
import type { Endpoint } from '@pgfleet/contracts';
import { Outside } from '@pgfleet/observability';
import { Client } from 'pg';
import type { z } from 'zod';
import { CONFIG, type Config } from '../config';

type Target = z.infer<typeof Endpoint> & { password: string };

/** Does what the customer will do first: connects through the load balancer, with the customer's own role and password. */
@Injectable()
export class FirstWrite {
  /** Each cluster is a target of its own, and one that is being made refuses connections for a while: no reason to ask none of them. */
  private readonly outside = new Outside('customer-endpoint', { timeoutMs: 10_000, isFault: () => false });

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** Whether a server answers there as the customer's role. `writable`: and is the primary. */
  async answers(target: Target): Promise<{ inRecovery: boolean }> {
    return this.query(target, 'answer', async (client) => {
      const { rows } = await client.query<{ r: boolean }>('select pg_is_in_recovery() as r');
      return { inRecovery: rows[0]?.r ?? true };
    });
  }

  /** Writes a row that stays until {@link forget}. Idempotent. */
  write(primary: Target, key: string): Promise<void> {
    return this.query(primary, 'write', async (client) => {
      await client.query(
        'create table if not exists pgfleet_first_write (key text primary key, at timestamptz default now())',
      );
      await client.query('insert into pgfleet_first_write (key) values ($1) on conflict do nothing', [key]);
    });
  }

  /** Whether the row is to be seen there. */
  read(replicas: Target, key: string): Promise<boolean> {
    return this.query(replicas, 'read', async (client) => {
      const table = await client.query<{ t: string | null }>(
        "select to_regclass('pgfleet_first_write')::text as t",
      );
      if (!table.rows[0]?.t) return false;
      const { rowCount } = await client.query('select from pgfleet_first_write where key = $1', [key]);
      return rowCount === 1;
    });
  }

  forget(primary: Target): Promise<void> {
    return this.query(primary, 'forget', async (client) => {
      await client.query('drop table if exists pgfleet_first_write');
    });
  }

  private query<T>(target: Target, what: string, work: (client: Client) => Promise<T>): Promise<T> {
    return this.outside.call(what, async () => {
      const { host, port, database, user, password } = target;
      const client = new Client({
        host,
        port,
        database,
        user,
        password,
        ssl: { ca: this.config.PGFLEET_CLUSTERS_CA_FILE },
        connectionTimeoutMillis: 3000,
        query_timeout: 5000,
      });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return await work(client);
      } finally {
        await client.end().catch(() => undefined);
      }
    });
  }
}
