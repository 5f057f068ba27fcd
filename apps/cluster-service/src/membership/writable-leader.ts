import type { EndedTimeline, PatroniMember } from '@pgfleet/patroni';
import type { LeadershipEntity, LostLeader } from '../persistence/leadership.entity';
import type { ClusterChange, Sight } from './sight';

/** A leader that takes writes: since when, on which timeline, and where the timeline begins. */
export interface WritableLeader {
  timeline: number;
  promotedAt: number | null;
  since: Date;
}

/** After leading this long without its agent's report that it writes, a leader is believed on Patroni's report alone. */
const agentPatienceMs = 15_000;

/**
 * Whether Patroni's key shows the member's PostgreSQL running as the leader. Releases that do not report the role are believed.
 */
const runsAsLeader = (member: PatroniMember | undefined): member is PatroniMember =>
  member?.state === 'running' && (member.role === null || member.role === 'leader');

/** The timeline that the leader writes on; null while it is not seen to write. */
export const timelineOf = ({ reports, members }: Sight, leader: string): number | null => {
  const member = members.get(leader);
  return reports.get(leader)?.writable?.timeline ?? (runsAsLeader(member) ? member.timeline : null);
};

/**
 * The end of the lost leader's timeline, or of a later one, from which the given timeline branched off. Undefined until Patroni
 * reports it.
 */
const branchedFrom = (
  timeline: number,
  lost: LostLeader,
  history: readonly EndedTimeline[],
): EndedTimeline | undefined =>
  history
    .filter((ended) => ended.timeline >= (lost.timeline ?? timeline - 1) && ended.timeline < timeline)
    .at(-1);

/**
 * Whether the leader takes writes after the loss of `lost`: on a later timeline, or on the same one if it is the same member. Its
 * node's agent reports this with the time. For nodes without an agent, Patroni's own key has to do. The time is then the
 * promotion as Patroni recorded it, or else the time of processing.
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

  // The same member's report may be from before its loss. It leads again only when its Patroni reports so, too.
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
