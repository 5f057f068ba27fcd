import { parseEnv, runProgram } from '@pgfleet/observability';
import { z } from 'zod';
import { migrate } from './migrate';
import type { PersistenceOptions } from './persistence-options';

const Env = z.object({ PGFLEET_DATABASE_URL: z.string(), PGFLEET_CA_FILE: z.string().optional() });

/**
 * The whole `migrate.js` of a service: migrates its schema to this release, with the environment of the service. Run it before the
 * services of a release start.
 */
export function migrateProgram(
  options: (url: string, caFile: string | undefined) => PersistenceOptions,
): void {
  runProgram(async () => {
    const env = parseEnv(Env);
    await migrate(options(env.PGFLEET_DATABASE_URL, env.PGFLEET_CA_FILE));
  });
}
