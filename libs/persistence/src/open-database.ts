import { setTimeout as pause } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { isDatabaseGone } from './database-gone';
import { dataSourceOptions, type PersistenceOptions } from './persistence-options';

const logger = new Logger('Database');
const retryMs = 1_000;

/** Opens the pool. Waits for a missing database, for `waitMs` or forever, and logs that. Throws on a wrong password or schema. */
export const openDatabase = async (options: PersistenceOptions, waitMs = Infinity): Promise<DataSource> => {
  const deadline = Date.now() + waitMs;
  const dataSource = new DataSource(
    dataSourceOptions(options, (error) => logger.warn(`A pooled connection was lost: ${error.message}`)),
  );
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await dataSource.initialize();
    } catch (error) {
      if (!isDatabaseGone(error) || Date.now() > deadline) throw error;
      if (attempt % 10 === 0) {
        logger.warn(`Waiting for PostgreSQL at ${new URL(options.url).host}: ${(error as Error).message}`);
      }
      await pause(retryMs);
    }
  }
};

/** Resolves when the database answers a query again, or when `signal` is aborted. */
export const untilDatabaseAnswers = async (dataSource: DataSource, signal?: AbortSignal): Promise<void> => {
  while (!signal?.aborted) {
    try {
      await dataSource.query('SELECT 1');
      return;
    } catch (error) {
      if (!isDatabaseGone(error)) throw error;
      await pause(250, undefined, { signal }).catch(() => undefined);
    }
  }
};
