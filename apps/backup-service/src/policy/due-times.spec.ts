import { defaultPolicy } from './default-policy';
import { dueUntil, nextDue, offsetMs, scheduleFault, timeZoneFault } from './due-times';

const cluster = 'clu_01979a3c-5f7e-7c11-8d2a-3b9f6c1e0a55';
const policy = (
  schedules: { full?: string; differential?: string; incremental?: string },
  timeZone = 'UTC',
  spreadMinutes = 0,
) => ({
  schedules: { full: null, differential: null, incremental: null, ...schedules },
  timeZone,
  spreadMinutes,
});
const next = (rule: ReturnType<typeof policy>, after: string, count = 1): string[] => {
  const found: string[] = [];
  for (let at = new Date(after); found.length < count;) {
    const due = nextDue(rule, cluster, at);
    if (!due) break;
    found.push(`${due.type} ${due.at.toISOString()}`);
    at = due.at;
  }
  return found;
};

describe('nextDue', () => {
  it('gives the first of all schedules, and where two come at once the larger', () => {
    const rule = policy({ full: '0 1 * * 0', differential: '0 1 * * *', incremental: '30 * * * *' });
    expect(next(rule, '2026-11-28T23:45:00Z', 4)).toEqual([
      'incremental 2026-11-29T00:30:00.000Z',
      'full 2026-11-29T01:00:00.000Z',
      'incremental 2026-11-29T01:30:00.000Z',
      'incremental 2026-11-29T02:30:00.000Z',
    ]);
    expect(next(policy({}), '2026-11-28T23:45:00Z')).toEqual([]);
  });

  it('is after the moment, not at it', () => {
    expect(next(policy({ full: '0 1 * * *' }), '2026-11-28T01:00:00Z')).toEqual([
      'full 2026-11-29T01:00:00.000Z',
    ]);
  });

  // The two clock changes a year, and time zones that are not whole hours from UTC.
  it.each<[string, string, string, string, string[]]>([
    ['Berlin in winter', '30 2 * * *', 'Europe/Berlin', '2026-11-28T12:00:00Z', ['2026-11-29T01:30']],
    [
      'a time that the clock leaps over',
      '30 2 * * *',
      'Europe/Berlin',
      '2026-03-28T12:00:00Z',
      ['2026-03-29T01:30', '2026-03-30T00:30'],
    ],
    [
      'a time that comes twice',
      '30 2 * * *',
      'Europe/Berlin',
      '2026-10-24T12:00:00Z',
      ['2026-10-25T00:30', '2026-10-26T01:30'],
    ],
    ['New York', '0 0 * * 0', 'America/New_York', '2026-11-28T12:00:00Z', ['2026-11-29T05:00']],
    ['Kathmandu', '0 6 * * *', 'Asia/Kathmandu', '2026-11-28T12:00:00Z', ['2026-11-29T00:15']],
    ['the 29th of February', '0 0 29 2 *', 'UTC', '2026-11-28T12:00:00Z', ['2028-02-29T00:00']],
  ])('follows %s', (_, cron, timeZone, after, expected) => {
    const found = next(policy({ full: cron }, timeZone), after, expected.length);
    expect(found.map((text) => text.slice(5, 21))).toEqual(expected);
  });

  it('is later by the same time for one cluster', () => {
    const spread = policy({ full: '0 1 * * *', incremental: '0 * * * *' }, 'UTC', 30);
    const offset = offsetMs(cluster, 30);
    expect(offset).toBeGreaterThan(0);
    expect(offset).toBeLessThan(30 * 60_000);
    const at = new Date(Date.parse('2026-11-28T01:00:00Z') + offset);
    expect(nextDue(spread, cluster, new Date('2026-11-28T00:45:00Z'))).toEqual({ type: 'full', at });
    expect(nextDue(spread, cluster, new Date(at.getTime() - 1))).toEqual({ type: 'full', at });
    expect(nextDue(spread, cluster, at)!.at.getTime() - at.getTime()).toBe(3_600_000);
  });

  it('spreads clusters over all of the time', () => {
    const offsets = Array.from({ length: 2000 }, (_, index) => offsetMs(`clu_${index}`, 10) / 60_000);
    for (let minute = 0; minute < 10; minute++) {
      const share = offsets.filter((offset) => Math.floor(offset) === minute).length;
      expect(share).toBeGreaterThan(140);
      expect(share).toBeLessThan(260);
    }
  });
});

describe('dueUntil', () => {
  const rule = policy({ full: '0 1 * * 0', differential: '0 1 * * 1-6', incremental: '0 * * * *' });
  const due = (after: string, until: string) => dueUntil(rule, cluster, new Date(after), new Date(until));

  it('is null while nothing is due', () => {
    expect(due('2026-11-28T01:00:00Z', '2026-11-28T01:59:59Z')).toBeNull();
  });

  it.each([
    ['one', '2026-11-28T01:00:00Z', '2026-11-28T02:00:00Z', 'incremental', 1, '2026-11-28T02:00:00.000Z'],
    [
      'a night with a differential',
      '2026-11-27T20:10:00Z',
      '2026-11-28T06:10:00Z',
      'differential',
      10,
      '2026-11-27T21:00:00.000Z',
    ],
    [
      'a week with a full',
      '2026-11-22T12:00:00Z',
      '2026-11-29T12:00:00Z',
      'full',
      168,
      '2026-11-22T13:00:00.000Z',
    ],
    [
      'a year, of which not all are counted',
      '2025-11-22T12:00:00Z',
      '2026-11-22T12:00:00Z',
      'full',
      1000,
      '2025-11-22T13:00:00.000Z',
    ],
  ])('tells of %s', (_, after, until, type, times, first) => {
    expect(due(after, until)).toMatchObject({ type, times, first: new Date(first) });
  });

  it('tells when the last was due', () => {
    expect(due('2026-11-27T20:10:00Z', '2026-11-28T06:10:00Z')?.last).toEqual(
      new Date('2026-11-28T06:00:00Z'),
    );
  });
});

describe('faults', () => {
  it.each(['0 1 * * 0', '*/15 * * * *', '0 3 1,15 * *', '0 1 * * MON-FRI', '0 0 29 2 *'])(
    '%s has none',
    (cron) => {
      expect(scheduleFault(cron, 'Europe/Berlin')).toBeNull();
    },
  );

  it.each(['61 * * * *', '* 25 * * *', '0 0 30 2 *', '0 1 * * 9', 'a b c d e', '0 1 * *'])(
    '%s has one',
    (cron) => {
      expect(scheduleFault(cron, 'UTC')).toContain(cron);
    },
  );

  it('knows time zones', () => {
    expect(timeZoneFault('Asia/Ho_Chi_Minh')).toBeNull();
    expect(timeZoneFault('Mars/Olympus')).toContain('Mars/Olympus');
  });

  it('the default policy has none', () => {
    for (const cron of Object.values(defaultPolicy.schedules))
      expect(scheduleFault(cron!, defaultPolicy.timeZone)).toBeNull();
  });
});
