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
    return (await this.answered<T>(tx, idempotency, scope))!.response;
  }

  /**
   * `once`, for a request that is judged before it takes effect by asking others, which no transaction may wait for. A repeated request
   * gets the first answer whatever the check would say by now: the first may be why it would refuse.
   * @param check throws the refusal; what it gives is handed to `make`
   */
  async onceChecked<Checked, T>(
    idempotency: IdempotencyKey,
    scope: string,
    check: () => Promise<Checked>,
    make: (tx: EntityManager, checked: Checked) => Promise<T>,
  ): Promise<T> {
    const { manager } = this.dataSource;
    const before = await this.answered<T>(manager, idempotency, scope);
    if (before) return before.response;
    let checked: Checked;
    try {
      checked = await check();
    } catch (refusal) {
      // The same request may have been answered while this one was being checked.
      const meanwhile = await this.answered<T>(manager, idempotency, scope);
      if (meanwhile) return meanwhile.response;
      throw refusal;
    }
    return this.dataSource.transaction((tx) => this.once(tx, idempotency, scope, () => make(tx, checked)));
  }

  onApplicationBootstrap(): void {
    // A failed prune is made up for by the next one.
    this.timer = setInterval(() => void this.prune().catch(() => undefined), pruneEveryMs);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** The committed answer to an earlier request with the key; undefined when there was none. 422 when that request was another one. */
  private async answered<T>(
    manager: EntityManager,
    idempotency: IdempotencyKey,
    scope: string,
  ): Promise<{ response: T } | undefined> {
    if (!idempotency) return undefined;
    const [first] = await rows<{ fingerprint: string; response: T }>(
      manager,
      'SELECT fingerprint, response FROM idempotency_key WHERE scope = $1 AND key = $2',
      [scope, idempotency.key],
    );
    if (first && first.fingerprint !== idempotency.fingerprint) {
      throw keyReused(`The key ${idempotency.key} came with another request before`, {
        remedy: 'Use a new key for a new request.',
      });
    }
    return first;
  }

  private async prune(): Promise<void> {
    await this.dataSource.query(
      `DELETE FROM idempotency_key WHERE created_at < now() - ${keepDays} * interval '1 day'`,
    );
  }
}
