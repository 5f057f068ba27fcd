import { Injectable } from '@nestjs/common';
import {
  archiveRecovered,
  archiveStalled,
  walDrained,
  walFilling,
  type ArchiveReport,
  type WalSight,
} from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import { rows } from '@pgfleet/persistence';
import { DataSource, type EntityManager } from 'typeorm';
import { microsecondsOf } from '../window/instant';
import type { ArchivedCommit } from '../window/recovery-span';
import { timelineOf, type TimelineBegin } from '../window/history';
import { bytesOf } from '../wal/wal-position';
import { archiveProgress, type ArchiveProgress, isFilling, lagBytesOf, usedPercent } from './archive-verdict';
import { type RateSample, withSample } from './wal-rate';

/** The last observed state of a lineage's WAL. */
export interface WatchedArchive {
  sight: WalSight | null;
  progress: ArchiveProgress;
  rateSamples: RateSample[];
}

interface WatchRow {
  sight: WalSight | null;
  seen_at: Date | null;
  timeline: number | null;
  segment: string | null;
  advanced_at: Date;
  stalled_at: Date | null;
  rate_samples: RateSample[];
}

/** A lineage keeps one commit for each interval of this many seconds, plus the newest commit of each timeline. */
const keepEverySeconds = 30;

/** The leader's report on its archive; null while no leader reports. */
export const leaderOf = (
  sight: WalSight,
): (WalSight['members'][number] & { archive: ArchiveReport }) | null => {
  const leader = sight.members.find(({ role, archive }) => role === 'leader' && archive !== null);
  return leader?.archive ? { ...leader, archive: leader.archive } : null;
};

interface SaidCommit {
  timeline: number;
  commit: NonNullable<ArchiveReport['commit']>;
  settledAt: string | null;
}

/** What a member reported about the timeline it writes now and the one it wrote before. */
const commitsOf = ({ archive, left }: WalSight['members'][number]): SaidCommit[] => [
  ...(archive?.commit ? [{ ...archive, commit: archive.commit, settledAt: archive.settledAt ?? null }] : []),
  ...(left ? [{ ...left, settledAt: null }] : []),
];

/**
 * Stores what nodes report about their WAL. Publishes one event when an archive stalls or a disk fills up. The lineage's row
 * stays locked from the read to the event, so that only one replica of this service sees the change.
 */
@Injectable()
export class ArchiveRecords {
  constructor(
    private readonly database: DataSource,
    private readonly outbox: Outbox,
  ) {}

  take(sight: WalSight, now = new Date()): Promise<void> {
    return this.database.transaction(async (tx) => {
      const { stanza } = sight;
      const [known] = await rows(tx, 'select from stanza where name = $1', [stanza]);
      if (!known) return;
      await tx.query('insert into archive_watch (stanza) values ($1) on conflict do nothing', [stanza]);
      const [row] = await rows<WatchRow>(tx, 'select * from archive_watch where stanza = $1 for update', [
        stanza,
      ]);
      await this.keepHistory(tx, sight);
      await this.followDisks(tx, sight);
      await this.followArchive(tx, sight, row!, now);
    });
  }

  async find(stanza: string): Promise<WatchedArchive | null> {
    const [row] = await rows<WatchRow>(this.database, 'select * from archive_watch where stanza = $1', [
      stanza,
    ]);
    return row ? { sight: row.sight, progress: progressOf(row), rateSamples: row.rate_samples } : null;
  }

  commits(stanza: string): Promise<ArchivedCommit[]> {
    return rows<ArchivedCommit>(
      this.database,
      `select timeline, position::float8 as position, time::float8 as time, xid::float8 as xid,
         quiet_until::float8 as "quietUntil"
       from archived_commit where stanza = $1 order by position`,
      [stanza],
    );
  }

  timelines(stanza: string): Promise<TimelineBegin[]> {
    return rows<TimelineBegin>(
      this.database,
      'select timeline, position::float8 as position from timeline_begin where stanza = $1',
      [stanza],
    );
  }

  /** Nothing before the oldest backup can ever be restored. */
  async forgetBefore(tx: EntityManager, stanza: string, position: number): Promise<void> {
    await tx.query('delete from archived_commit where stanza = $1 and position < $2', [stanza, position]);
  }

  /** A member's report on its archive stays true, whichever member leads now. */
  private async keepHistory(tx: EntityManager, { stanza, timelines, members }: WalSight): Promise<void> {
    for (const { timeline, beganAt } of timelines)
      await tx.query(
        `insert into timeline_begin (stanza, timeline, position) values ($1, $2, $3)
         on conflict (stanza, timeline) do update set position = excluded.position`,
        [stanza, timeline, bytesOf(beganAt)],
      );
    const begins = timelines.map(({ timeline, beganAt }) => ({ timeline, position: bytesOf(beganAt) }));
    for (const { timeline: written, commit, settledAt } of members.flatMap(commitsOf)) {
      const timeline = timelineOf(bytesOf(commit.lsn), written, begins);
      const added = await rows(
        tx,
        `insert into archived_commit (stanza, timeline, position, time, xid) values ($1, $2, $3, $4, $5)
         on conflict do nothing returning position`,
        [stanza, timeline, bytesOf(commit.lsn), microsecondsOf(commit.time), commit.xid],
      );
      if (added.length > 0) await this.thin(tx, stanza, timeline);
      if (settledAt !== null)
        await tx.query(
          `update archived_commit set quiet_until = greatest(quiet_until, $4)
           where stanza = $1 and timeline = $2 and position = $3`,
          [stanza, timeline, bytesOf(commit.lsn), microsecondsOf(settledAt)],
        );
    }
  }

  /** Deletes the second newest commit when the one before it is close. */
  private async thin(tx: EntityManager, stanza: string, timeline: number): Promise<void> {
    await tx.query(
      `with newest as (
         select position, time, row_number() over (order by position desc) as place
         from (select position, time from archived_commit where stanza = $1 and timeline = $2 order by position desc limit 3) c)
       delete from archived_commit where stanza = $1 and timeline = $2 and position = (
         select b.position from newest b join newest c on c.place = 3 where b.place = 2 and b.time - c.time < $3)`,
      [stanza, timeline, keepEverySeconds * 1_000_000],
    );
  }

  private async followDisks(tx: EntityManager, { stanza, clusterId, members }: WalSight): Promise<void> {
    const filling = await rows<{ node: string }>(tx, 'select node from wal_filling where stanza = $1', [
      stanza,
    ]);
    const before = new Set(filling.map(({ node }) => node));
    for (const { name: node, disk } of members) {
      if (!disk || isFilling(disk, before.has(node)) === before.has(node)) continue;
      const data = { clusterId, stanza, node, disk, usedPercent: usedPercent(disk) };
      if (before.has(node)) {
        await tx.query('delete from wal_filling where stanza = $1 and node = $2', [stanza, node]);
        await this.outbox.publish(tx, walDrained, stanza, data);
      } else {
        await tx.query('insert into wal_filling (stanza, node) values ($1, $2)', [stanza, node]);
        await this.outbox.publish(tx, walFilling, stanza, data);
      }
    }
  }

  private async followArchive(tx: EntityManager, sight: WalSight, row: WatchRow, now: Date): Promise<void> {
    const { stanza, clusterId } = sight;
    const leader = leaderOf(sight);
    if (!leader) {
      await tx.query('update archive_watch set sight = $2 where stanza = $1', [
        stanza,
        JSON.stringify(sight),
      ]);
      return;
    }
    const { archive } = leader;
    const seenAt = new Date(archive.at);
    // When two replicas ask at once, the one with the older answer may arrive second.
    const isOlder =
      row.timeline !== null &&
      (archive.timeline < row.timeline || (archive.timeline === row.timeline && row.seen_at! > seenAt));
    if (isOlder) return;
    const before = progressOf(row);
    const after = archiveProgress(row.seen_at ? before : null, archive, now);
    const samples = withSample(row.rate_samples, {
      timeline: archive.timeline,
      position: bytesOf(archive.currentLsn),
      at: seenAt.getTime(),
    });
    await tx.query(
      `update archive_watch set sight = $2, seen_at = $3, timeline = $4, segment = $5, advanced_at = $6, stalled_at = $7,
         rate_samples = $8 where stanza = $1`,
      [
        ...[stanza, JSON.stringify(sight), seenAt, after.timeline, after.segment],
        ...[after.advancedAt, after.stalledAt, JSON.stringify(samples)],
      ],
    );
    if (after.stalledAt && !before.stalledAt)
      await this.outbox.publish(tx, archiveStalled, stanza, {
        ...{ clusterId, stanza, leader: leader.name, since: after.advancedAt.toISOString() },
        ...{ segment: archive.failing?.segment ?? null, lagBytes: lagBytesOf(archive) },
      });
    if (before.stalledAt && !after.stalledAt)
      await this.outbox.publish(tx, archiveRecovered, stanza, {
        ...{ clusterId, stanza, stalledAt: before.stalledAt.toISOString(), segment: archive.segment },
        durationMs: Math.max(0, now.getTime() - before.stalledAt.getTime()),
      });
  }
}

const progressOf = (row: WatchRow): ArchiveProgress => ({
  timeline: row.timeline,
  segment: row.segment,
  advancedAt: row.advanced_at,
  stalledAt: row.stalled_at,
});
