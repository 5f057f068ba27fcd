import type { EndedTimeline, PatroniMember } from '@pgfleet/patroni';
import type { LeadershipEntity, LostLeader } from '../persistence/leadership.entity';
import type { ClusterChange, Sight } from './sight';

/** A leader that takes writes: since when, on which timeline, and where that begins. */
export interface WritableLeader {
  timeline: number;
  promotedAt: number | null;
  since: Date;
}

/** A leader that has led for so long without its node's agent saying that it writes is believed on Patroni's word. */
const agentPatienceMs = 15_000;

/** Patroni's key says that the member's PostgreSQL runs as the leader; releases that do not say as what it runs are believed. */
const runsAsLeader = (member: PatroniMember | undefined): member is PatroniMember =>
  member?.state === 'running' && (member.role === null || member.role === 'leader');

/** The timeline that the leader writes on; null while it is not seen to write. */
export const timelineOf = ({ reports, members }: Sight, leader: string): number | null => {
  const member = members.get(leader);
  return reports.get(leader)?.writable?.timeline ?? (runsAsLeader(member) ? member.timeline : null);
};

/** The end of the lost leader's timeline, or of a later one, that the given one branched off from; there is none before Patroni says it. */
const branchedFrom = (
  timeline: number,
  lost: LostLeader,
  history: readonly EndedTimeline[],
): EndedTimeline | undefined =>
  history
    .filter((ended) => ended.timeline >= (lost.timeline ?? timeline - 1) && ended.timeline < timeline)
    .at(-1);

/**
 * Whether the leader is seen to take writes after the loss of `lost`: on a later timeline, or on the same one if it is the same
 * member. Its node's agent says it with the time. For nodes without one Patroni's own key has to do, and the time is that of the
 * promotion as Patroni wrote it down, or else when this was taken in.
 */
export function writableLeader(
  { cluster, after, at }: ClusterChange,
  { leader, since }: LeadershipEntity,
  lost: LostLeader,
): WritableLeader | null {
  const again = leader === lost.leader;
  const isNew = (timeline: number) =>
    lost.timeline === null || (again ? timeline >= lost.timeline : timeline > lost.timeline);
  const member = after.members.get(leader);
  const report = after.reports.get(leader);
  const origin = (timeline: number) => branchedFrom(timeline, lost, after.history);

  // The word of the same member may be from before it was lost; it leads again only when its Patroni says so, too.
  if (report?.writable && isNew(report.writable.timeline) && (!again || runsAsLeader(member))) {
    const { timeline, since: writableSince } = report.writable;
    return {
      timeline,
      promotedAt: report.writable.promotedAt ?? origin(timeline)?.endedAtPosition ?? null,
      since: new Date(writableSince),
    };
  }
  const begun = Math.max(since.getTime(), cluster.lostAt?.getTime() ?? 0);
  if (report && at.getTime() - begun < agentPatienceMs) return null;
  if (!runsAsLeader(member) || member.timeline === null || !isNew(member.timeline)) return null;
  const promoted = origin(member.timeline);
  return {
    timeline: member.timeline,
    promotedAt: promoted?.endedAtPosition ?? null,
    since: promoted?.at && !again ? new Date(promoted.at) : at,
  };
}
