import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type Idempotency as IdempotencyKey, keyReused } from '@pgfleet/contracts';
import { rows } from '@pgfleet/persistence';
import { DataSource, type EntityManager } from 'typeorm';

const keepDays = 7;
const pruneEveryMs = 3_600_000;

/** Lets a request that carries an idempotency key take effect once; keys are remembered for seven days. */
@Injectable()
export class Idempotency implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly dataSource: DataSource) {}

  /**
   * What `make` gave the first time the key came in this scope. The same key with another fingerprint is a 422. A request that
   * comes while the first is still being handled waits for its commit. Without a key, `make` simply runs.
   */
  async once<T>(
    tx: EntityManager,
    idempotency: IdempotencyKey,
    scope: string,
    make: () => Promise<T>,
  ): Promise<T> {
    if (!idempotency) return make();
    const key = [scope, idempotency.key];
    const inserted = await rows(
      tx,
      'INSERT INTO idempotency_key (scope, key, fingerprint) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING key',
      [...key, idempotency.fingerprint],
    );
    if (inserted.length > 0) {
      const response = await make();
      await tx.query('UPDATE idempotency_key SET response = $3 WHERE scope = $1 AND key = $2', [
        ...key,
        JSON.stringify(response ?? null),
      ]);
      return response;
    }
    const [first] = await rows<{ fingerprint: string; response: T }>(
      tx,
      'SELECT fingerprint, response FROM idempotency_key WHERE scope = $1 AND key = $2',
      key,
    );
    if (first!.fingerprint !== idempotency.fingerprint) {
      throw keyReused(`The key ${idempotency.key} came with another request before`, {
        remedy: 'Use a new key for a new request.',
      });
    }
    return first!.response;
  }

  onApplicationBootstrap(): void {
    // A failed prune is made up for by the next one.
    this.timer = setInterval(() => void this.prune().catch(() => undefined), pruneEveryMs);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  private async prune(): Promise<void> {
    await this.dataSource.query(
      `DELETE FROM idempotency_key WHERE created_at < now() - ${keepDays} * interval '1 day'`,
    );
  }
}
