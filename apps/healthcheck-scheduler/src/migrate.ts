import 'reflect-metadata';
import { parseEnv } from '@pgfleet/observability';
import { migrate } from '@pgfleet/persistence';
import { z } from 'zod';
import { databaseOptions } from './persistence/database-options';

/** Brings healthcheck-scheduler's schema up to this release; run before the services of the release start. */
const env = parseEnv(z.object({ PGFLEET_DATABASE_URL: z.string(), PGFLEET_CA_FILE: z.string().optional() }));

migrate(databaseOptions(env.PGFLEET_DATABASE_URL, env.PGFLEET_CA_FILE)).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
