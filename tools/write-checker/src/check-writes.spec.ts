import type { Acknowledged, Attempt, WrittenRow } from './attempt';
import { checkWrites } from './check-writes';
import { explain } from './explain';

const [first, second] = ['10.0.0.1', '10.0.0.2'];
const [older, newer] = ['00000009', '0000000A'];

const acknowledged = (row: number, more: Partial<Acknowledged> = {}): Acknowledged => ({
  client: 0,
  row,
  sentAt: row * 10,
  at: row * 10 + 5,
  outcome: 'acknowledged',
  server: first,
  timeline: older,
  ...more,
});
const unanswered = (row: number, outcome: 'refused' | 'unknown'): Attempt => ({
  client: 0,
  row,
  sentAt: row * 10,
  at: row * 10 + 5,
  outcome,
  message: outcome === 'refused' ? 'cannot execute INSERT in a read-only transaction' : 'Query read timeout',
});
const written = ({ client, row, server, timeline }: WrittenRow): WrittenRow => ({
  client,
  row,
  server,
  timeline,
});

describe('checkWrites', () => {
  // A failover: the old leader wrote rows 1 to 3, the new one rows 6 to 8, and the two between have no acknowledgement.
  const promoted = { server: second, timeline: newer };
  const before = [1, 2, 3].map((row) => acknowledged(row));
  const after = [6, 7, 8].map((row) => acknowledged(row, promoted));
  const log = [...before, unanswered(4, 'unknown'), unanswered(5, 'refused'), ...after];
  const rows = [...before, ...after].map(written);

  it('is content with a failover that kept every row', () => {
    const verdict = checkWrites({ log, rows });
    expect(verdict).toEqual({
      lost: [],
      duplicated: [],
      strangers: [],
      doubleLeaders: [],
      staleLeaders: [],
      acknowledged: 6,
      unknown: 1,
      refused: 1,
      ok: true,
    });
    expect(explain(verdict)).toEqual([
      'the cluster kept its word: 6 writes acknowledged, 1 unknown, 1 refused',
    ]);
  });

  it('lets a row without an answer be there', () => {
    expect(checkWrites({ log, rows: [...rows, written(acknowledged(4))] }).ok).toBe(true);
  });

  it('tells the same rows of two clients apart', () => {
    const other = acknowledged(1, { client: 1 });
    expect(checkWrites({ log: [...log, other], rows: [...rows, written(other)] }).ok).toBe(true);
    expect(checkWrites({ log: [...log, other], rows }).lost).toEqual([other]);
  });

  it('misses a row that was acknowledged', () => {
    const verdict = checkWrites({ log, rows: rows.filter(({ row }) => row !== 3) });
    expect(verdict).toMatchObject({ ok: false, lost: [{ row: 3 }] });
    expect(explain(verdict)).toEqual([
      'the cluster broke its word: 6 writes acknowledged, 1 unknown, 1 refused',
      'acknowledged but lost: 1: client 0 row 3 by 10.0.0.1 on timeline 00000009',
    ]);
  });

  it.each([
    ['any number', undefined, true],
    ['as many as were lost', { rows: 2 }, true],
    ['fewer', { rows: 1 }, false],
    ['none', { rows: 0 }, false],
  ])('counts lost rows under async, and allows %s', (_, lossMax, ok) => {
    const verdict = checkWrites({
      log,
      rows: rows.slice(2),
      durability: 'async',
      ...(lossMax && { lossMax }),
    });
    expect(verdict.ok).toBe(ok);
    expect(verdict.lost.map(({ row }) => row)).toEqual([1, 2]);
  });

  it('has no mercy under sync, whatever loss is named', () => {
    expect(checkWrites({ log, rows: rows.slice(1), lossMax: { rows: 5 } }).ok).toBe(false);
  });

  describe.each(['sync', 'async'] as const)('under %s', (durability) => {
    it('sees a row twice', () => {
      const verdict = checkWrites({ log, rows: [...rows, ...rows.slice(0, 1)], durability });
      expect(verdict).toMatchObject({ ok: false, duplicated: [{ client: 0, row: 1, times: 2 }] });
      expect(explain(verdict)[1]).toBe('there more than once: 1: client 0 row 1 2 times');
    });

    it('sees a row without an answer twice', () => {
      const twice = [acknowledged(4), acknowledged(4, promoted)].map(written);
      expect(checkWrites({ log, rows: [...rows, ...twice], durability })).toMatchObject({
        ok: false,
        duplicated: [{ row: 4, times: 2 }],
      });
    });

    it.each([
      ['that was refused', written(acknowledged(5)), 'refused'],
      ['that nobody sent', written(acknowledged(99)), 'never sent'],
    ])('sees a row %s', (_, row, why) => {
      const verdict = checkWrites({ log, rows: [...rows, row], durability });
      expect(verdict).toMatchObject({ ok: false, strangers: [{ ...row, why }] });
      expect(explain(verdict)[1]).toBe(
        `not to be there: 1: client 0 row ${row.row} by 10.0.0.1 on timeline 00000009 (${why})`,
      );
    });

    it('sees a row that another server has written than the one that acknowledged it', () => {
      const moved = rows.map((row) => (row.row === 3 ? { ...row, ...promoted } : row));
      expect(checkWrites({ log, rows: moved, durability })).toMatchObject({
        ok: false,
        lost: [{ row: 3 }],
        strangers: [{ row: 3, why: 'not as acknowledged' }],
      });
    });

    it('sees two leaders on one timeline in what was acknowledged', () => {
      const rival = acknowledged(9, { server: second });
      const verdict = checkWrites({
        log: [...before, rival],
        rows: [...before, rival].map(written),
        durability,
      });
      expect(verdict).toMatchObject({
        ok: false,
        doubleLeaders: [{ timeline: older, servers: [first, second] }],
        staleLeaders: [],
      });
      expect(explain(verdict)[1]).toBe('two leaders on one timeline: 1: 00000009 of 10.0.0.1 and 10.0.0.2');
    });

    it('sees two leaders on one timeline when the rows of one are lost', () => {
      const rival = acknowledged(9, { server: second });
      expect(checkWrites({ log: [...before, rival], rows: before.map(written), durability })).toMatchObject({
        ok: false,
        doubleLeaders: [{ timeline: older }],
      });
    });

    it('sees two leaders on one timeline when one is known by a row without an answer', () => {
      const unheard = written(acknowledged(4, { server: second }));
      expect(checkWrites({ log, rows: [...rows, unheard], durability })).toMatchObject({
        ok: false,
        doubleLeaders: [{ timeline: older, servers: [first, second] }],
      });
    });

    it('sees a leader that still accepts what was sent after its successor had acknowledged', () => {
      const stale = acknowledged(9, { client: 1, sentAt: 66 });
      const verdict = checkWrites({ log: [...log, stale], rows: [...rows, written(stale)], durability });
      expect(verdict).toMatchObject({
        ok: false,
        staleLeaders: [{ stale, newer: { row: 6, timeline: newer } }],
      });
      expect(explain(verdict)[1]).toBe(
        'accepted by a leader that had been replaced: 1: client 1 row 9 by 10.0.0.1 on timeline 00000009, ' +
          'sent 1 ms after the first acknowledgement by 10.0.0.2 on timeline 0000000A',
      );
    });

    it('lets an acknowledgement of the old leader come late when it was sent in time', () => {
      const slow = acknowledged(9, { client: 1, sentAt: 65, at: 500 });
      expect(checkWrites({ log: [...log, slow], rows: [...rows, written(slow)], durability }).ok).toBe(true);
    });
  });

  it('shows the first of many', () => {
    expect(explain(checkWrites({ log, rows: [] }))[1]).toMatch(/^acknowledged but lost: 6: .*; 3 more$/);
  });
});
