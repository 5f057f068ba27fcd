import { z } from 'zod';
import { BaseEnv, InvalidEnvironment, parseEnv, Port } from './env';

const env = { PGFLEET_NATS_URL: 'tls://10.77.0.14:4222', PGFLEET_HTTP_PORT: '8081' };

describe('parseEnv', () => {
  it('gives typed values and defaults', () => {
    expect(parseEnv(BaseEnv, env)).toMatchObject({ PGFLEET_HTTP_PORT: 8081, PGFLEET_LOG_LEVEL: 'info' });
  });

  it('names every wrong variable and shows no value', () => {
    const schema = BaseEnv.extend({ PGFLEET_SECRET: z.string().regex(/^x/), PGFLEET_MORE: z.string() });
    const wrong = { ...env, PGFLEET_HTTP_PORT: '99999', PGFLEET_SECRET: 'hunter2' };
    let message = '';
    try {
      parseEnv(schema, wrong);
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidEnvironment);
      message = (error as Error).message;
    }
    expect(message).toContain('PGFLEET_HTTP_PORT: ');
    expect(message).toContain('PGFLEET_SECRET: ');
    expect(message).toContain('PGFLEET_MORE: is not set');
    expect(message).not.toContain('hunter2');
  });

  it('takes an empty variable as unset', () => {
    const schema = BaseEnv.extend({ PGFLEET_HTTP_PORT: Port.default(8084) });
    expect(parseEnv(schema, { ...env, PGFLEET_HTTP_PORT: '' }).PGFLEET_HTTP_PORT).toBe(8084);
    expect(() => parseEnv(BaseEnv, { ...env, PGFLEET_NATS_URL: '' })).toThrow(/PGFLEET_NATS_URL: is not set/);
  });
});
