import type { PatroniCluster, PatroniStatus } from '@pgfleet/patroni';
import { isCertain, judgeDisk, judgePatroni, judgePools, judgeReplication, judgeSql } from './checks';

const status = (more: Partial<PatroniStatus>): PatroniStatus => ({
  name: 'n1',
  scope: 'clu',
  state: 'running',
  role: 'replica',
  timeline: 3,
  replicationState: null,
  walPosition: 1,
  feeds: [],
  paused: false,
  unlocked: false,
  etcdSeenAt: null,
  ...more,
});
const cluster = (lagBytes: number | null): PatroniCluster => ({
  paused: false,
  members: [
    { name: 'n1', role: 'replica', state: 'streaming', host: null, port: null, timeline: 3, lagBytes },
  ],
});
const view = { nodes: ['n1', 'n2', 'n3'], maxLagBytes: 1000, cluster: cluster(0) };
const feed = (name: string, state = 'streaming') => ({ name, state, syncState: 'async' });

describe('checks', () => {
  it('says what Patroni says', () => {
    expect(judgePatroni(status({ role: 'leader' }))).toEqual({
      ok: true,
      detail: 'leader, running on timeline 3',
    });
    expect(judgePatroni(status({ state: 'stopped', timeline: null }))).toEqual({
      ok: false,
      detail: 'replica, stopped',
    });
  });

  it('is certain of a node that cannot start, and of a disk that is full', () => {
    const well = judgeDisk(null);
    expect(judgePatroni(status({ state: 'start failed' })).ok).toBe(false);
    expect(isCertain(status({ state: 'start failed' }), well)).toBe(true);
    expect(isCertain(status({ state: 'starting' }), well)).toBe(false);
    const full = judgeDisk({ bytes: 400_000_000, free: 0 });
    expect(full).toEqual({
      ok: false,
      detail: 'full: 0 of 400000000 bytes of the disk with the WAL are free',
    });
    expect(isCertain(null, full)).toBe(true);
    expect(judgeDisk({ bytes: 400_000_000, free: 100_000_000 }).ok).toBe(true);
    expect(well.ok).toBe(true);
  });

  it('sees a PostgreSQL that is not what Patroni says', () => {
    expect(judgeSql(true, 'replica').ok).toBe(true);
    expect(judgeSql(true, 'leader').ok).toBe(false);
    expect(judgeSql(false, 'replica').ok).toBe(false);
    expect(judgeSql(false, null).ok).toBe(true);
  });

  it('calls pools full when clients wait for long and every connection is in use', () => {
    const pool = { database: 'app', user: 'app', waiting: 0, longestWait: 0, active: 2, idle: 0 };
    expect(judgePools([pool])).toEqual({ ok: true, detail: '2 connections in use' });
    expect(judgePools([{ ...pool, waiting: 250, longestWait: 12.4, active: 50 }])).toEqual({
      ok: false,
      detail: '250 clients of app wait for a connection to app, the longest for 12 s: all 50 are in use',
    });
    // A burst, and a change of the leader.
    expect(judgePools([{ ...pool, waiting: 9, longestWait: 1 }]).ok).toBe(true);
    expect(judgePools([{ ...pool, waiting: 9, longestWait: 7, active: 0 }]).ok).toBe(true);
  });

  it('wants every other node to stream from a leader', () => {
    const leader = status({ role: 'leader', feeds: [feed('n2'), feed('n3')] });
    expect(judgeReplication({ ...view, status: leader })).toEqual({
      ok: true,
      detail: '2 of 2 replicas stream',
    });
    const poor = status({ role: 'leader', feeds: [feed('n2', 'backup'), feed('n3'), feed('stranger')] });
    expect(judgeReplication({ ...view, status: poor })).toEqual({
      ok: false,
      detail: '1 of 2 replicas stream, not n2',
    });
    expect(judgeReplication({ ...view, nodes: ['n1'], status: status({ role: 'leader' }) }).ok).toBe(true);
  });

  it('wants a replica to stream, and not far behind', () => {
    const streaming = status({ replicationState: 'streaming' });
    expect(judgeReplication({ ...view, status: streaming }).ok).toBe(true);
    expect(judgeReplication({ ...view, status: streaming, cluster: cluster(null) }).ok).toBe(true);
    expect(judgeReplication({ ...view, status: streaming, cluster: cluster(1001) })).toEqual({
      ok: false,
      detail: 'streaming, 1001 bytes behind',
    });
    expect(judgeReplication({ ...view, status: status({}) }).ok).toBe(false);
    expect(
      judgeReplication({ ...view, status: status({ replicationState: 'in archive recovery' }) }).ok,
    ).toBe(false);
  });
});
