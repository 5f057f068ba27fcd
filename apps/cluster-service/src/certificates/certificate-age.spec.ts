import { checkEveryMs, isDue, isExpiring, retryAfterMs } from './certificate-age';

const day = 86_400_000;
const at = (days: number) => new Date(days * day);
const validity = { notBefore: at(0), notAfter: at(300) };

describe('the age of a certificate', () => {
  it('makes it due after two thirds of its life, and expiring after five sixths', () => {
    expect([at(199), at(200)].map((now) => isDue(validity, now))).toEqual([false, true]);
    expect([at(249), at(250), at(301)].map((now) => isExpiring(validity, now))).toEqual([false, true, true]);
  });

  it('says how often to look: hourly for a year, every few seconds for minutes', () => {
    expect(checkEveryMs(397 * 86_400)).toBe(3_600_000);
    expect(checkEveryMs(180)).toBe(2_000);
    expect(retryAfterMs(397 * 86_400)).toBe(6 * 3_600_000);
    expect(retryAfterMs(180)).toBe(5_000);
  });
});
