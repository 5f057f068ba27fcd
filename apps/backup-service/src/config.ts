import { BaseEnv, parseEnv, Port } from '@pgfleet/observability';
import { z } from 'zod';

/** Every variable that backup-service reads. */
const Env = BaseEnv.extend({
  PGFLEET_DATABASE_URL: z.string(),
  PGFLEET_HTTP_PORT: Port.default(8082),
});

export type Config = z.output<typeof Env>;
export const readConfig = (): Config => parseEnv(Env);
