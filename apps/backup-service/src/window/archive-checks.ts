import { Injectable } from '@nestjs/common';
import { walGapFound } from '@pgfleet/contracts';
import { Outbox } from '@pgfleet/messaging';
import type { ArchiveRun } from '@pgfleet/pgbackrest';
import type { EntityManager } from 'typeorm';
import { ArchiveRecords } from '../archive/archive-records';
import { StanzaEntity } from '../persistence/stanza.entity';
import { lsnOf } from '../wal/wal-position';
import { segmentOf, usualSegmentBytes } from '../wal/wal-segment';
import { archiveHoles, settledRuns } from './archive-holes';
import { baseOf } from './archived-history';

/** The backup that preceded the check, and the operation that created it. */
export interface BackupMade {
  label: string;
  operationId: string;
}

/** Stores which segments the repository has, and publishes the ones missing between them. */
@Injectable()
export class ArchiveChecks {
  constructor(
    private readonly records: ArchiveRecords,
    private readonly outbox: Outbox,
  ) {}

  async segmentBytes(stanza: string): Promise<number> {
    const members = (await this.records.find(stanza))?.sight?.members ?? [];
    return members.find(({ archive }) => archive)?.archive?.segmentBytes ?? usualSegmentBytes;
  }

  /**
   * Stores the segments listed after a backup. Only those up to the backup's end count, because pgBackRest waited for these. A
   * hole before the oldest backup affects no restore, and a hole that was published is not published again.
   */
  async keep(tx: EntityManager, name: string, listed: ArchiveRun[], after: BackupMade): Promise<void> {
    const size = await this.segmentBytes(name);
    const stanza = await tx.findOneOrFail(StanzaEntity, {
      where: { name },
      lock: { mode: 'pessimistic_write' },
    });
    const walStop = stanza.backups?.items.find(({ label }) => label === after.label)?.walStop;
    const runs = walStop ? settledRuns(listed, segmentOf(walStop, size).end, size) : listed;
    const bases = (stanza.backups?.items ?? []).map(baseOf).filter((base) => base !== null);
    const oldest = Math.min(...bases.map(({ begin }) => begin));
    const known = new Set(
      archiveHoles(stanza.archiveRuns ?? [], size).map(({ first, last }) => `${first} ${last}`),
    );
    for (const { first, last, end } of archiveHoles(runs, size)) {
      if (end <= oldest || known.has(`${first} ${last}`)) continue;
      const later = bases.filter(({ begin }) => begin >= end).map(({ stop }) => stop.position);
      const until = later.length > 0 ? lsnOf(Math.min(...later)) : null;
      const data = { clusterId: stanza.clusterId, stanza: name, missing: { first, last }, until };
      await this.outbox.publish(tx, walGapFound, name, data, { correlationId: after.operationId });
    }
    await tx.update(StanzaEntity, { name }, { archiveRuns: runs, archiveCheckedAt: new Date() });
    if (Number.isFinite(oldest)) await this.records.forgetBefore(tx, name, oldest);
  }
}
