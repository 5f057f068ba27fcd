import { Injectable } from '@nestjs/common';
import type {
  RecoveryMoment,
  RecoveryWindow,
  RestoreTarget,
  RestoreTargetCheck,
  WalSight,
} from '@pgfleet/contracts';
import { ArchiveRecords, leaderOf, type WatchedArchive } from '../archive/archive-records';
import { ArchiveWatch } from '../archive/archive-watch';
import { completeUntil, lagBytesOf } from '../archive/archive-verdict';
import { BackupLists } from '../backups/backup-lists';
import type { StanzaEntity } from '../persistence/stanza.entity';
import { RestorePointRows } from '../restore-points/restore-point-rows';
import { Lineages } from '../stanzas/lineages';
import { lsnOf } from '../wal/wal-position';
import { archivedHistory, archivedUntil, historyTo, type Known } from './archived-history';
import { instantOf } from './instant';
import {
  quietUntil,
  recoverySpan,
  type ArchivedHistory,
  type Moment,
  type RecoverySpan,
} from './recovery-span';
import { decideTarget } from './restore-target';

/** What is known about a lineage at one moment. */
export interface SeenLineage {
  stanza: StanzaEntity;
  watched: WatchedArchive | null;
  known: Known;
  history: ArchivedHistory;
  span: RecoverySpan;
  archivedUntil: number | null;
  segmentBytes: number | null;
  asOf: string;
}

/** Computes the recovery window of a lineage from its backups in the repository and its nodes' reports. */
@Injectable()
export class RecoveryWindows {
  constructor(
    private readonly lineages: Lineages,
    private readonly lists: BackupLists,
    private readonly watch: ArchiveWatch,
    private readonly records: ArchiveRecords,
    private readonly restorePoints: RestorePointRows,
  ) {}

  async of(clusterId: string): Promise<RecoveryWindow> {
    const { stanza, watched, span, asOf } = await this.see(await this.lineages.current(clusterId));
    return {
      clusterId,
      stanza: stanza.name,
      timeline: span.timeline,
      earliest: momentOf(span.earliest),
      latest: span.latest && latestOf(span, span.latest),
      gaps: span.gaps.map(({ from, until, hole: { first, last } }) => ({
        from: momentOf(from),
        until: momentOf(until),
        missing: { first, last },
      })),
      gapsCheckedAt: stanza.archiveCheckedAt?.toISOString() ?? null,
      archive: archiveState(watched, Date.now()),
      asOf,
    };
  }

  async check(name: string, target: RestoreTarget): Promise<RestoreTargetCheck> {
    const stanza = await this.lineages.named(name);
    // The restore itself checks on its machine that the repository still has the backup, before it changes anything. Checking
    // here as well would only add a wait.
    const seen = await this.see(stanza, 'known');
    const decision = decideTarget(target, {
      historyTo: (timeline) => historyTo(timeline, seen.known),
      history: seen.history,
      restorePoints: await this.restorePoints.made(stanza.name),
      archivedUntil: seen.archivedUntil,
    });
    if (!decision.ok) {
      const { reason, before, after } = decision;
      return { ok: false, reason, nearest: { before: momentOf(before), after: momentOf(after) } };
    }
    const { base, timeline, target: reached, exact, note = null } = decision;
    return { ok: true, stanza: stanza.name, backupLabel: base.label, timeline, target: reached, exact, note };
  }

  /**
   * Asks again where possible: the nodes through cluster-service, and the repository through a node unless the `known` list will
   * do. A deleted cluster no longer answers.
   */
  async see(stanza: StanzaEntity, backups: 'read' | 'known' = 'read'): Promise<SeenLineage> {
    const [list] = await Promise.all([
      this.lists[backups](stanza),
      stanza.clusterDeletedAt ? null : this.watch.look(stanza.clusterId),
    ]);
    const watched = await this.records.find(stanza.name);
    const segmentBytes = segmentBytesOf(watched?.sight ?? null);
    const known: Known = {
      list,
      commits: await this.records.commits(stanza.name),
      timelines: await this.records.timelines(stanza.name),
      runs: stanza.archiveRuns,
      segmentBytes,
    };
    const history = archivedHistory(known);
    return {
      stanza,
      watched,
      known,
      history,
      span: recoverySpan(history),
      archivedUntil: archivedUntil(list, watched?.progress.segment ?? null, segmentBytes),
      segmentBytes,
      asOf: list.asOf,
    };
  }
}

/** Without writes the window extends to the present: the archive has everything, and the position does not change. */
const latestOf = (span: RecoverySpan, latest: Moment): RecoveryMoment => ({
  time: instantOf(Math.max(latest.time, quietUntil(span, latest))),
  lsn: lsnOf(latest.position),
});

const momentOf = (moment: Moment | null): RecoveryMoment | null =>
  moment && { time: instantOf(moment.time), lsn: lsnOf(moment.position) };

const segmentBytesOf = (sight: WalSight | null): number | null =>
  sight?.members.find(({ archive }) => archive !== null)?.archive?.segmentBytes ?? null;

export const archiveState = (watched: WatchedArchive | null, now: number): RecoveryWindow['archive'] => {
  const archive = watched?.sight ? (leaderOf(watched.sight)?.archive ?? null) : null;
  return {
    segment: archive?.segment ?? null,
    lagBytes: archive && lagBytesOf(archive),
    lagSeconds: archive?.commit
      ? Math.max(0, now - completeUntil(archive.commit, archive.settledAt)) / 1000
      : null,
    settledAt: archive?.settledAt ?? null,
    failing: archive?.failing ?? null,
    stalledSince: watched?.progress.stalledAt?.toISOString() ?? null,
    seenAt: archive?.at ?? null,
  };
};
