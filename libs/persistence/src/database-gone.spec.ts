import { QueryFailedError } from 'typeorm';
import { isDatabaseGone } from './database-gone';

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

  it.each(['23505', '40P01', '42P01', '55P03', '57014', '28P01'])(
    'is false for %s: the database answered',
    (code) => expect(isDatabaseGone(coded(code))).toBe(false),
  );

  it('is false for what is no error', () => {
    expect(isDatabaseGone('ECONNREFUSED')).toBe(false);
    expect(isDatabaseGone(undefined)).toBe(false);
  });
});
