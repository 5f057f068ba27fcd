import { parseKey } from './keys';

describe('parseKey', () => {
  it('reads a streaming replica as patronictl shows it', () => {
    const value = JSON.stringify({
      conn_url: 'postgres://10.0.0.1:5432/postgres',
      state: 'running',
      role: 'replica',
      xlog_location: 67109232,
      replication_state: 'streaming',
      timeline: 2,
    });
    expect(parseKey('/service/c1/members/n1', value)).toEqual({
      scope: 'c1',
      path: 'members/n1',
      value: {
        kind: 'member',
        name: 'n1',
        member: { state: 'streaming', role: 'replica', timeline: 2, walPosition: 67109232 },
      },
    });
  });

  it('keeps a member whose value is not understood, as unknown', () => {
    expect(parseKey('/service/c1/members/n1', '{')?.value).toEqual({
      kind: 'member',
      name: 'n1',
      member: { state: 'unknown', role: null, timeline: null, walPosition: null },
    });
  });

  it('reads leader, status and sync', () => {
    expect(parseKey('/service/c1/leader', 'n2')?.value).toEqual({ kind: 'leader', holder: 'n2' });
    expect(parseKey('/service/c1/status', '{"optime":42,"slots":{}}')?.value).toEqual({
      kind: 'status',
      leaderPosition: 42,
    });
    expect(parseKey('/service/c1/sync', '{"leader":"a","sync_standby":"b,c"}')?.value).toEqual({
      kind: 'sync',
      standbys: ['b', 'c'],
    });
  });

  it('reads what somebody has asked of Patroni, and that nothing is asked any more', () => {
    const failover = (text: string) => parseKey('/service/c1/failover', text)?.value;
    expect(failover('{"leader":"n1","member":"n2"}')).toEqual({
      kind: 'failover',
      leader: 'n1',
      candidate: 'n2',
      scheduledAt: null,
    });
    expect(failover('{"member":"n2"}')).toMatchObject({ leader: null, candidate: 'n2' });
    expect(failover('{"leader":"n1","scheduled_at":"2026-11-24T12:00:00.5+01:00"}')).toMatchObject({
      leader: 'n1',
      scheduledAt: '2026-11-24T11:00:00.500Z',
    });
    for (const nothing of ['{}', '', 'n1:n2', '{"leader":7}'])
      expect(failover(nothing)).toEqual({
        kind: 'failover',
        leader: null,
        candidate: null,
        scheduledAt: null,
      });
  });

  it("reads Patroni's history, whichever release wrote it", () => {
    const value = JSON.stringify([
      [1, 83886176, 'no recovery target specified'],
      [2, 100663456, 'no recovery target specified', '2026-11-23T19:32:01.041751+00:00'],
      [3, 117440672, 'no recovery target specified', '2026-11-23T20:32:01.041751+00:00', 'n2'],
      'nonsense',
    ]);
    expect(parseKey('/service/c1/history', value)?.value).toEqual({
      kind: 'history',
      entries: [
        {
          timeline: 1,
          endedAtPosition: 83886176,
          reason: 'no recovery target specified',
          at: null,
          leader: null,
        },
        {
          timeline: 2,
          endedAtPosition: 100663456,
          reason: 'no recovery target specified',
          at: '2026-11-23T19:32:01.041Z',
          leader: null,
        },
        {
          timeline: 3,
          endedAtPosition: 117440672,
          reason: 'no recovery target specified',
          at: '2026-11-23T20:32:01.041Z',
          leader: 'n2',
        },
      ],
    });
    expect(parseKey('/service/c1/history', 'x')?.value).toEqual({ kind: 'history', entries: [] });
  });

  it("reads a node's report", () => {
    const report = {
      watchdog: true,
      patroni: { version: '4.0.7-3~deb13u1', patched: ['01-first.patch'] },
      follows: null,
      hold: { id: 'op_1', state: 'released', ms: 640.4, reason: null },
      lost: { leader: 'n1', since: '2026-11-24T10:00:00.123456+00:00' },
      writable: { timeline: 2, promotedAt: 83886176, since: '2026-11-24T10:00:02Z' },
      rejoining: null,
      rejoin: {
        timeline: 1,
        promotedAt: 83886176,
        bytes: 96,
        transactions: 1,
        how: 'rewound',
        at: '2026-11-24T10:05:00Z',
      },
      archive: {
        timeline: 2,
        segmentBytes: 16777216,
        current: 117440552,
        segment: '000000020000000000000006',
        commit: { time: '2026-11-24T10:05:00.123456Z', position: 117440000, xid: 4711 },
        settledAt: null,
        failing: { segment: '000000020000000000000007', since: '2026-11-24T10:05:01Z' },
        switchedAt: null,
        archiveTimeoutSeconds: 40,
        maxWalBytes: 1073741824,
        at: '2026-11-24T10:05:02Z',
      },
      left: {
        timeline: 1,
        commit: { time: '2026-11-24T10:00:01.123456Z', position: 83886000, xid: 4700 },
      },
      disk: { bytes: 5368709120, free: 1073741824 },
      blockers: {
        id: 'op_1',
        total: 1,
        terminated: false,
        sessions: [
          {
            pid: 7,
            user: 'app',
            database: 'app',
            application: '',
            state: 'active',
            since: '2026-11-24T10:00:00.000Z',
          },
        ],
      },
    };
    expect(parseKey('/service/c1/pgfleet/nodes/n2', JSON.stringify(report))?.value).toEqual({
      kind: 'node',
      name: 'n2',
      node: {
        ...report,
        hold: { id: 'op_1', state: 'released', ms: 640, reason: null },
        lost: { leader: 'n1', since: '2026-11-24T10:00:00.123Z' },
        writable: { ...report.writable, since: '2026-11-24T10:00:02.000Z' },
        rejoin: { ...report.rejoin, at: '2026-11-24T10:05:00.000Z' },
        archive: {
          ...report.archive,
          failing: { segment: '000000020000000000000007', since: '2026-11-24T10:05:01.000Z' },
          at: '2026-11-24T10:05:02.000Z',
        },
      },
    });
  });

  it('takes what a node says and it does not understand as not said', () => {
    const nothing = {
      watchdog: null,
      patroni: null,
      follows: null,
      hold: null,
      lost: null,
      writable: null,
      rejoining: null,
      rejoin: null,
      archive: null,
      left: null,
      blockers: null,
      disk: null,
    };
    const node = (text: string) => parseKey('/service/c1/pgfleet/nodes/n2', text)?.value;
    for (const text of [
      '{',
      '[]',
      '7',
      '{}',
      '{"hold":{"state":"held"},"lost":{"leader":"n1","since":"soon"}}',
    ])
      expect(node(text)).toEqual({ kind: 'node', name: 'n2', node: nothing });
    expect(node('{"writable":{"timeline":2,"since":"2026-11-24T10:00:02Z","more":1},"more":1}')).toEqual({
      kind: 'node',
      name: 'n2',
      node: {
        ...nothing,
        writable: { timeline: 2, promotedAt: null, since: '2026-11-24T10:00:02.000Z' },
      },
    });
  });

  it('tells a deleted key from a key of nobody', () => {
    expect(parseKey('/service/c1/leader', null)).toEqual({ scope: 'c1', path: 'leader', value: null });
    expect(parseKey('/elsewhere/c1/leader', 'x')).toBeNull();
  });
});
