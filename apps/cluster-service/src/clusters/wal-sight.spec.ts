import type { NodeReport } from '@pgfleet/patroni';
import type { ClusterParts } from './cluster-view';
import { walSightOf } from './wal-sight';

const archive: NodeReport['archive'] = {
  timeline: 3,
  segmentBytes: 16777216,
  current: 117440552,
  segment: '000000030000000000000006',
  commit: { time: '2026-11-24T10:05:00.123456Z', position: 117440000, xid: 4711 },
  settledAt: '2026-11-24T10:05:01.000Z',
  failing: null,
  switchedAt: '2026-11-24T10:04:50.000Z',
  archiveTimeoutSeconds: 40,
  maxWalBytes: 1073741824,
  at: '2026-11-24T10:05:02.000Z',
};
const left = {
  timeline: 2,
  commit: { time: '2026-11-24T09:59:00.123456Z', position: 100663000, xid: 4700 },
};
const disk = { bytes: 5368709120, free: 1073741824 };
const seen = (
  reports: Record<string, Partial<NodeReport>>,
  state = 'ready',
): Parameters<typeof walSightOf>[0] => ({
  cluster: {
    id: 'clu_1',
    state,
    stanza: 'lin_1',
    leader: 'n1',
    syncStandbys: ['n2'],
    patroniHistory: [{ timeline: 1, endedAtPosition: 83886176, reason: '', at: null, leader: 'n2' }],
  } as unknown as ClusterParts['cluster'],
  machines: ['n1', 'n2', 'n3'].map((name) => ({ name, kind: 'node' }) as ClusterParts['machines'][number]),
  members: [
    { name: 'n1', timeline: 3, walPosition: 117440512 },
    { name: 'n2', timeline: 3, walPosition: null },
  ] as ClusterParts['members'],
  nodeReports: Object.entries(reports).map(
    ([member, report]) => ({ member, report }) as ClusterParts['nodeReports'][number],
  ),
});

describe('walSightOf', () => {
  it('gives positions as PostgreSQL writes them, and every timeline that is known', () => {
    const writable = { timeline: 3, promotedAt: 100663296, since: '2026-11-24T10:00:00.000Z' };
    const sight = walSightOf(seen({ n1: { archive, disk, writable }, n2: { disk, archive: null, left } }));
    expect(sight).toMatchObject({ clusterId: 'clu_1', stanza: 'lin_1' });
    expect(sight.timelines).toEqual([
      { timeline: 2, beganAt: '0/5000060' },
      { timeline: 3, beganAt: '0/6000000' },
    ]);
    const { current: _, ...same } = archive;
    expect(sight.members).toEqual([
      {
        ...{ name: 'n1', role: 'leader', timeline: 3, lsn: '0/7000000', disk },
        archive: {
          ...same,
          currentLsn: '0/7000028',
          commit: { time: archive.commit!.time, lsn: '0/6FFFE00', xid: 4711 },
        },
        left: null,
      },
      {
        name: 'n2',
        role: 'sync_standby',
        timeline: 3,
        lsn: null,
        disk,
        archive: null,
        left: { timeline: 2, commit: { time: left.commit.time, lsn: '0/5FFFED8', xid: 4700 } },
      },
      { name: 'n3', role: null, timeline: null, lsn: null, disk: null, archive: null, left: null },
    ]);
  });

  it.each(['restoring', 'failed'])(
    'says nothing of an archive that may be of another lineage: %s',
    (state) => {
      const sight = walSightOf(seen({ n1: { archive, disk } }, state));
      expect(sight.timelines).toEqual([]);
      expect(sight.members[0]).toMatchObject({ name: 'n1', lsn: '0/7000000', archive: null, disk });
    },
  );

  it('takes what an older agent said, and one that said nothing', () => {
    const [first] = walSightOf(seen({ n1: {} })).members;
    expect(first).toMatchObject({ name: 'n1', archive: null, disk: null });
  });
});
