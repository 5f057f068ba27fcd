import { readFileSync } from 'node:fs';
import { BaseEnv, parseEnv, Port } from '@pgfleet/observability';
import { z } from 'zod';
import { ApiTokens } from './http/api-tokens';

/** All environment variables of the gateway. */
const Env = BaseEnv.extend({
  PGFLEET_HTTP_PORT: Port.default(8080),
  /** File with the tokens that callers may use, one per line; `#` starts a comment line. */
  PGFLEET_API_TOKEN_FILE: z.string().transform((path, context) => {
    try {
      return ApiTokens.parse(readFileSync(path, 'utf8'));
    } catch (error) {
      context.addIssue({ code: 'custom', message: `${path}: ${(error as Error).message}` });
      return z.NEVER;
    }
  }),
});

export type Config = z.output<typeof Env>;
export const parseConfig = (env: NodeJS.ProcessEnv): Config => parseEnv(Env, env);
export const readConfig = (): Config => parseConfig(process.env);
