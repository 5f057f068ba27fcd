import { Outside } from '@pgfleet/observability';
import { QueryFailedError } from 'typeorm';
import { isConnectionLost, isDatabaseGone } from './database-gone';

const coded = (code: string, message = 'x'): Error => Object.assign(new Error(message), { code });

describe('isDatabaseGone', () => {
  it.each(['08006', '57P01', '57P03', '53300', '25P03', 'ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT'])(
    'is true for %s, also inside of another error',
    (code) => {
      expect(isDatabaseGone(coded(code))).toBe(true);
      expect(isDatabaseGone(new QueryFailedError('SELECT 1', [], coded(code)))).toBe(true);
      expect(isDatabaseGone(new Error('outer', { cause: coded(code) }))).toBe(true);
    },
  );

  it.each(['Connection terminated unexpectedly', 'timeout exceeded when trying to connect'])(
    'is true for "%s", which has no code',
    (message) => expect(isDatabaseGone(new Error(message))).toBe(true),
  );

  it.each(['23505', '40P01', '42P01', '55P03', '57014', '28P01', '28000', '3D000', '42501', '08P01'])(
    'is false for %s: the database answered',
    (code) => expect(isDatabaseGone(coded(code))).toBe(false),
  );

  it.each(['08006', '57P01', '53300', 'ECONNREFUSED'])(
    'is false for %s of another system: that one is gone, the database is not',
    async (code) => {
      const customer = new Outside(`customer ${code}`, { timeoutMs: 1000 });
      const error: unknown = await customer
        .call('write', () => Promise.reject(coded(code)))
        .catch((e: unknown) => e);
      expect(isConnectionLost(error)).toBe(true);
      expect(isDatabaseGone(error)).toBe(false);
      expect(isDatabaseGone(new Error('wrapped', { cause: error }))).toBe(false);
    },
  );

  it('is false for what is no error', () => {
    expect(isDatabaseGone('ECONNREFUSED')).toBe(false);
    expect(isDatabaseGone(undefined)).toBe(false);
  });
});
