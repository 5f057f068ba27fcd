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
        member: { state: 'streaming', timeline: 2, walPosition: 67109232 },
      },
    });
  });

  it('keeps a member whose value is not understood, as unknown', () => {
    expect(parseKey('/service/c1/members/n1', '{')?.value).toEqual({
      kind: 'member',
      name: 'n1',
      member: { state: 'unknown', timeline: null, walPosition: null },
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

  it('tells a deleted key from a key of nobody', () => {
    expect(parseKey('/service/c1/leader', null)).toEqual({ scope: 'c1', path: 'leader', value: null });
    expect(parseKey('/elsewhere/c1/leader', 'x')).toBeNull();
  });
});
