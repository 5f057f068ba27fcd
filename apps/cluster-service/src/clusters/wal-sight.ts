import type { WalSight } from '@pgfleet/contracts';
import { lsnText, type NodeReport } from '@pgfleet/patroni';
import { serves } from './cluster-state';
import { roleOf, type ClusterParts } from './cluster-view';

type Member = WalSight['members'][number];
type Seen = Pick<ClusterParts, 'cluster' | 'machines' | 'members' | 'nodeReports'>;

/**
 * What is known about a cluster's WAL. A node without an agent reports no archive and no disk. While a restore exchanges data and
 * lineage, the nodes' archive reports may belong to the previous lineage, so they count for neither.
 */
export const walSightOf = ({ cluster, machines, members, nodeReports }: Seen): WalSight => ({
  clusterId: cluster.id,
  stanza: cluster.stanza,
  timelines: serves(cluster) ? timelinesOf(cluster, nodeReports) : [],
  members: machines
    .filter(({ kind }) => kind === 'node')
    .map(({ name }): Member => {
      const member = members.find((candidate) => candidate.name === name);
      const report = nodeReports.find((candidate) => candidate.member === name)?.report;
      const position = member?.walPosition ?? null;
      return {
        name,
        role: member ? roleOf(cluster, name) : null,
        timeline: member?.timeline ?? null,
        lsn: position === null ? null : lsnText(position),
        archive: serves(cluster) ? archiveOf(report?.archive ?? null) : null,
        left: serves(cluster) ? leftOf(report?.left ?? null) : null,
        disk: report?.disk ?? null,
      };
    }),
});

/** Patroni writes its history a moment after the promotion; the promoted node knows at once. */
const timelinesOf = (
  { patroniHistory }: ClusterParts['cluster'],
  nodeReports: ClusterParts['nodeReports'],
): WalSight['timelines'] => {
  const begins = new Map(
    (patroniHistory ?? []).map(({ timeline, endedAtPosition }) => [timeline + 1, endedAtPosition]),
  );
  for (const { report } of nodeReports) {
    const { timeline, promotedAt } = report?.writable ?? {};
    if (timeline && promotedAt) begins.set(timeline, promotedAt);
  }
  return [...begins].map(([timeline, position]) => ({ timeline, beganAt: lsnText(position) }));
};

const archiveOf = (archive: NodeReport['archive']): Member['archive'] => {
  if (!archive) return null;
  const { current, commit, ...same } = archive;
  return {
    ...same,
    currentLsn: lsnText(current),
    commit: commit && commitOf(commit),
  };
};

const leftOf = (left: NodeReport['left']): Member['left'] =>
  left && { timeline: left.timeline, commit: commitOf(left.commit) };

const commitOf = ({ time, position, xid }: NonNullable<NodeReport['left']>['commit']) => ({
  ...{ time, lsn: lsnText(position), xid },
});
