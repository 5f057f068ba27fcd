import 'reflect-metadata';
import { parseEnv } from '@pgfleet/observability';
import { migrate } from '@pgfleet/persistence';
import { z } from 'zod';
import { databaseOptions } from './persistence/database-options';

const Env = z.object({ PGFLEET_DATABASE_URL: z.string(), PGFLEET_CA_FILE: z.string().optional() });

/** Brings cluster-service's schema up to this release; run before the services of the release start. */
async function main(): Promise<void> {
  const env = parseEnv(Env);
  await migrate(databaseOptions(env.PGFLEET_DATABASE_URL, env.PGFLEET_CA_FILE));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
