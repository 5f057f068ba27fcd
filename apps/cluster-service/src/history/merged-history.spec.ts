import type { EndedTimeline } from '@pgfleet/patroni';
import type { LeadershipEntity } from '../persistence/leadership.entity';
import { mergedHistory } from './merged-history';

const at = (minute: number) => `2026-11-24T10:${String(minute).padStart(2, '0')}:00.000Z`;

const led = (seq: number, leader: string, more: Partial<LeadershipEntity>): LeadershipEntity => ({
  clusterId: 'clu_1',
  seq,
  leader,
  timeline: null,
  origin: 'unplanned',
  since: new Date(at(seq)),
  until: null,
  cause: null,
  promotedAt: null,
  outageMs: null,
  outageBound: null,
  lossBytes: null,
  lossSure: null,
  lostBytes: null,
  lostTransactions: null,
  operationId: null,
  completedAt: null,
  announced: true,
  ...more,
});
const ended = (timeline: number, more: Partial<EndedTimeline> = {}): EndedTimeline => ({
  timeline,
  endedAtPosition: timeline * 0x1000000,
  reason: 'no recovery target specified',
  at: at(timeline * 10),
  leader: `n${timeline + 1}`,
  ...more,
});

describe('mergedHistory', () => {
  it("gives the newest first, with Patroni's word on how its timeline began", () => {
    const rows = [
      led(1, 'n1', { timeline: 1, origin: 'bootstrap', until: new Date(at(2)) }),
      led(2, 'n2', {
        timeline: 2,
        cause: 'the lease of n1 ran out',
        outageMs: 21_000,
        lossBytes: 0,
        lossSure: true,
        lostBytes: 96,
        lostTransactions: 2,
      }),
    ];
    expect(mergedHistory(rows, [ended(1)])).toEqual([
      {
        leader: 'n2',
        timeline: 2,
        origin: 'unplanned',
        since: at(2),
        until: null,
        cause: 'the lease of n1 ran out',
        promotedAt: '0/1000000',
        outageMs: 21_000,
        outageBound: null,
        loss: { bytes: 0, sure: true },
        measuredLoss: { bytes: 96, transactions: 2 },
        operationId: null,
        patroniReason: 'no recovery target specified',
      },
      expect.objectContaining({
        leader: 'n1',
        timeline: 1,
        origin: 'bootstrap',
        until: at(2),
        loss: null,
        measuredLoss: null,
        patroniReason: null,
      }),
    ]);
  });

  it('puts what only Patroni knows where it belongs', () => {
    const rows = [led(1, 'n1', { timeline: 1 }), led(45, 'n4', { timeline: 4, origin: null })];
    const history = [ended(1), ended(2), ended(3)];
    expect(
      mergedHistory(rows, history).map(({ leader, timeline, origin, since, until }) => [
        ...[leader, timeline, origin, since, until],
      ]),
    ).toEqual([
      ['n4', 4, null, at(45), null],
      ['n3', 3, null, at(20), at(30)],
      ['n2', 2, null, at(10), at(20)],
      ['n1', 1, 'unplanned', at(1), null],
    ]);
  });

  it('knows a timeline that follows the last entry by its leader, also when a number was left out', () => {
    const rows = [led(1, 'n1', { timeline: 1 }), led(2, 'n2', { timeline: 3 })];
    expect(
      mergedHistory(rows, [ended(1)]).map(({ timeline, patroniReason }) => [timeline, patroniReason]),
    ).toEqual([
      [3, 'no recovery target specified'],
      [1, null],
    ]);
  });

  it('leaves out what has no leader or no time, and takes nothing from a leadership that is not complete', () => {
    const rows = [led(1, 'n1', { timeline: 2 }), led(2, 'n3', { timeline: null })];
    const history = [ended(1, { leader: null }), ended(2, { at: null })];
    expect(
      mergedHistory(rows, history).map(({ leader, timeline, promotedAt }) => [leader, timeline, promotedAt]),
    ).toEqual([
      ['n3', null, null],
      ['n1', 2, '0/1000000'],
    ]);
  });
});
