import { Inject, Injectable } from '@nestjs/common';
import { Outside } from '@pgfleet/observability';
import { Client } from 'pg';
import { CONFIG, type Config } from '../config';
import { commitMark, hasCommitted } from './committed-mark';
import type { Login } from './platform-login';

/** Connects the way a customer does, through the load balancer and PgBouncer, with the platform's own role and database. */
@Injectable()
export class FirstWrite {
  /**
   * Each cluster is a target of its own. A cluster that is being created refuses connections for a while, which must not open the
   * circuit breaker.
   */
  private readonly outside = new Outside('cluster-endpoint', { timeoutMs: 10_000, isFault: () => false });

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** Whether a server answers, and whether it is a replica. */
  answers(login: Login): Promise<{ inRecovery: boolean }> {
    return this.query(login, 'answer', async (client) => {
      const { rows } = await client.query<{ r: boolean }>('select pg_is_in_recovery() as r');
      return { inRecovery: rows[0]?.r ?? true };
    });
  }

  /** Commits a transaction; returns its id. */
  write(primary: Login): Promise<string> {
    return this.query(primary, 'write', commitMark);
  }

  /** Whether the transaction is visible on the replica port. */
  read(replicas: Login, xid: string): Promise<boolean> {
    return this.query(replicas, 'read', (client) => hasCommitted(client, xid));
  }

  private query<T>(login: Login, what: string, work: (client: Client) => Promise<T>): Promise<T> {
    return this.outside.call(what, async () => {
      const client = new Client({
        ...login,
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
