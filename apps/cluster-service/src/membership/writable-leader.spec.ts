import type { NodeReport, PatroniMember } from '@pgfleet/patroni';
import type { ClusterEntity } from '../persistence/cluster.entity';
import type { LeadershipEntity, LostLeader } from '../persistence/leadership.entity';
import type { ClusterChange } from './sight';
import { writableLeader } from './writable-leader';

const at = new Date('2026-11-24T10:00:20.000Z');
const ago = (seconds: number) => new Date(at.getTime() - seconds * 1000);
const lost = { leader: 'n1', timeline: 1 } as LostLeader;
const nothingSaid = { writable: null } as NodeReport;

interface Seen {
  member?: Partial<PatroniMember>;
  report?: NodeReport;
  history?: ClusterChange['after']['history'];
}

/** The observed state of n2, `ledFor` seconds after it took the lock. */
const seen = ({ member, report, history = [] }: Seen, ledFor = 1, leader = 'n2') => {
  const running = { state: 'running', role: 'leader', timeline: 2, walPosition: null, ...member };
  const after = {
    members: new Map(member ? [[leader, running]] : []),
    reports: new Map(report ? [[leader, report]] : []),
    history,
  };
  const change = { cluster: { lostAt: null } as ClusterEntity, after, at } as unknown as ClusterChange;
  return writableLeader(change, { leader, since: ago(ledFor) } as LeadershipEntity, lost);
};

describe('writableLeader', () => {
  const ended = { timeline: 1, endedAtPosition: 96, reason: '', at: ago(3).toISOString(), leader: 'n2' };

  it("takes the node's own word, on a later timeline only", () => {
    const writable = (timeline: number) => ({ timeline, promotedAt: 64, since: ago(2).toISOString() });
    const report = (timeline: number) => ({ ...nothingSaid, writable: writable(timeline) });
    expect(seen({ report: report(2) })).toEqual({ timeline: 2, promotedAt: 64, since: ago(2) });
    expect(seen({ report: report(1) })).toBeNull();
  });

  it('wants of the same member that its Patroni leads, too: the word may be from before', () => {
    const writable = { timeline: 1, promotedAt: null, since: ago(3600).toISOString() };
    const report = { ...nothingSaid, writable };
    expect(seen({ report }, 1, 'n1')).toBeNull();
    expect(seen({ report, member: { timeline: 1, role: 'replica' } }, 1, 'n1')).toBeNull();
    expect(seen({ report, member: { timeline: 1 } }, 1, 'n1')).toMatchObject({ timeline: 1 });
  });

  it("takes Patroni's word where there is no agent, with the time and the place of its history", () => {
    expect(seen({ member: {} })).toEqual({ timeline: 2, promotedAt: null, since: at });
    expect(seen({ member: {}, history: [ended] })).toEqual({ timeline: 2, promotedAt: 96, since: ago(3) });
    // Not recorded yet: the history only has an earlier timeline.
    expect(seen({ member: { timeline: 3 }, history: [{ ...ended, timeline: 0 }] })?.promotedAt).toBeNull();
  });

  it.each([
    { role: 'replica' },
    { role: 'promoted' },
    { state: 'starting' },
    { timeline: 1 },
    { timeline: null },
  ])('does not take a member for a leader that writes when it has %p', (member) =>
    expect(seen({ member })).toBeNull(),
  );

  it('takes it also when an agent that is there says nothing for a long time', () => {
    expect(seen({ member: {}, report: nothingSaid }, 10)).toBeNull();
    expect(seen({ member: {}, report: nothingSaid }, 16)).toMatchObject({ timeline: 2 });
  });
});
