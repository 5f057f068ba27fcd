import { Injectable } from '@nestjs/common';
import {
  invalidInput,
  type ConvertWalQuery,
  type WalMember,
  type WalPlace,
  type WalSight,
  type WalState,
} from '@pgfleet/contracts';
import { ArchiveRecords, leaderOf } from '../archive/archive-records';
import { ArchiveWatch } from '../archive/archive-watch';
import { bytesPerSecond } from '../archive/wal-rate';
import { Lineages } from '../stanzas/lineages';
import { archiveState, RecoveryWindows } from '../window/recovery-windows';
import { walAdvice } from './wal-advice';
import { placeOf } from './wal-place';
import { bytesOf } from './wal-position';
import { usualSegmentBytes } from './wal-segment';

/** What has been written, archived and kept of a cluster's WAL. */
@Injectable()
export class WalStates {
  constructor(
    private readonly lineages: Lineages,
    private readonly watch: ArchiveWatch,
    private readonly records: ArchiveRecords,
    private readonly windows: RecoveryWindows,
  ) {}

  async of(clusterId: string): Promise<WalState> {
    const { name: stanza } = await this.lineages.current(clusterId);
    await this.watch.look(clusterId);
    const watched = await this.records.find(stanza);
    const sight = watched?.sight ?? null;
    const leader = sight && leaderOf(sight);
    const archive = leader?.archive ?? null;
    const rate = bytesPerSecond(watched?.rateSamples ?? []);
    const now = Date.now();
    return {
      clusterId,
      stanza,
      members: sight ? membersOf(sight) : [],
      archive: archiveState(watched, now),
      bytesPerSecond: rate,
      segmentBytes: archive?.segmentBytes ?? null,
      lastSwitchAt: archive?.switchedAt ?? null,
      secondsSinceSwitch: archive?.switchedAt
        ? Math.max(0, now - Date.parse(archive.switchedAt)) / 1000
        : null,
      settings: archive && {
        archiveTimeoutSeconds: archive.archiveTimeoutSeconds,
        maxWalBytes: archive.maxWalBytes,
      },
      advice: archive
        ? walAdvice({ ...archive, bytesPerSecond: rate, diskBytes: leader?.disk?.bytes ?? null })
        : [],
    };
  }

  async convert(clusterId: string, query: ConvertWalQuery): Promise<WalPlace> {
    const stanza = await this.lineages.current(clusterId);
    if (Object.values(query).filter((value) => value !== undefined).length !== 1)
      throw invalidInput('Say one of lsn, segment and time.', { remedy: 'E.g. ?lsn=0/3000028.' });
    const seen = await this.windows.see(stanza);
    return placeOf(query, {
      span: seen.span,
      timelines: seen.history.timelines,
      segmentBytes: seen.segmentBytes ?? usualSegmentBytes,
      archivedUntil: seen.archivedUntil,
    });
  }
}

/** The leader's own report of its position is newer than Patroni's, which changes only every few seconds. */
const membersOf = (sight: WalSight): WalMember[] => {
  const end = leaderOf(sight)?.archive.currentLsn ?? null;
  return sight.members.map(({ name, role, timeline, lsn: shown, archive, disk }) => {
    const lsn = role === 'leader' ? (archive?.currentLsn ?? shown) : shown;
    return {
      ...{ name, role, timeline, lsn, disk },
      lagBytes: lsn && end ? Math.max(0, bytesOf(end) - bytesOf(lsn)) : null,
      archivedSegment: archive?.segment ?? null,
      archivedCommit: archive?.commit ? { time: archive.commit.time, lsn: archive.commit.lsn } : null,
    };
  });
};
