import { z } from 'zod';
import { Cause, Instant, Lsn, NodeName, Reason, Remedy, Stanza, WalName } from '../api/fields';
import { Backup } from '../api/backup';
import { BackupKind } from '../api/backup-policy';
import { DrillResult } from '../api/drill';
import { RestorePoint } from '../api/restore-point';
import { WalDisk } from '../api/wal';
import { defineEvent } from '../define-event';
import { ClusterId, OperationId } from '../ids';

const stanza = z.object({ clusterId: ClusterId, stanza: Stanza });

export const stanzaCreated = defineEvent({
  name: 'backup.stanza.created',
  version: 1,
  description: 'The stanza was created, and a WAL segment was archived and found in the repository.',
  data: stanza,
});
export const stanzaFailed = defineEvent({
  name: 'backup.stanza.failed',
  version: 1,
  description:
    'The stanza could not be created, the archiving check failed, or the stanza could not be deleted.',
  data: stanza.extend({ cause: Cause, remedy: Remedy }),
});
export const stanzaDeleted = defineEvent({
  name: 'backup.stanza.deleted',
  version: 1,
  description: 'The stanza and all its backups were deleted from the repository.',
  data: stanza,
});
export const lineageExpired = defineEvent({
  name: 'backup.lineage.expired',
  version: 1,
  description:
    'The retention of a lineage that its cluster had left has ended. Nothing can be restored from it any more, and it is being deleted from the repository: `backup.stanza.deleted` follows.',
  data: stanza.extend({
    leftAt: Instant.meta({
      description: 'when the cluster left it, for another lineage or through its deletion',
    }),
    operationId: OperationId.meta({ description: 'the operation that deletes it' }),
  }),
});
export const backupSucceeded = defineEvent({
  name: 'backup.succeeded',
  version: 1,
  description: 'A backup is complete in the repository.',
  data: stanza.extend({ backup: Backup }),
});
export const backupFailed = defineEvent({
  name: 'backup.failed',
  version: 1,
  description: 'A backup failed. Earlier backups in the repository are not affected.',
  data: stanza.extend({ type: z.enum(['full', 'diff', 'incr']), cause: Cause }),
});
export const backupMissed = defineEvent({
  name: 'backup.missed',
  version: 1,
  description:
    'A scheduled backup did not start on time, because backup-service was down or another operation was running. It starts now, once, however many scheduled times have passed.',
  data: stanza.extend({
    type: BackupKind,
    dueAt: Instant.meta({ description: 'the first scheduled time that was missed' }),
    times: z
      .int()
      .positive()
      .meta({ description: 'how many scheduled times have passed since, of any type' }),
    reason: Reason,
    operationId: OperationId.meta({ description: 'the operation of the backup that runs instead' }),
  }),
});
export const backupsDeleted = defineEvent({
  name: 'backup.deleted',
  version: 1,
  description:
    'Backups were deleted on request. Backups that expire by the retention policy do not cause this event.',
  data: stanza.extend({ labels: z.array(z.string()).meta({ example: ['20261123-120000F'] }) }),
});
export const archiveStalled = defineEvent({
  name: 'backup.archive.stalled',
  version: 1,
  description: 'WAL is written but not archived. New writes cannot be restored, and the disk is filling up.',
  data: stanza.extend({
    leader: NodeName,
    since: Instant.meta({ description: 'when the archive last advanced' }),
    segment: WalName.nullable().meta({
      description: 'the segment that PostgreSQL fails to archive; null when it is not trying to archive any',
    }),
    lagBytes: z.int().nonnegative().nullable(),
  }),
});
export const archiveRecovered = defineEvent({
  name: 'backup.archive.recovered',
  version: 1,
  description: 'The archive advances again.',
  data: stanza.extend({
    stalledAt: Instant,
    durationMs: z.int().nonnegative(),
    segment: WalName.nullable().meta({ description: 'the newest archived segment' }),
  }),
});
export const walFilling = defineEvent({
  name: 'backup.wal.filling',
  version: 1,
  description:
    'The file system with the WAL of a member is filling up. PostgreSQL stops when it is full. The usual cause is WAL that cannot be archived, or that a replica has not received yet.',
  data: stanza.extend({ node: NodeName, disk: WalDisk, usedPercent: z.number().meta({ example: 83.2 }) }),
});
export const walDrained = defineEvent({
  name: 'backup.wal.drained',
  version: 1,
  description: 'The file system with the WAL of a member has free space again.',
  data: stanza.extend({ node: NodeName, disk: WalDisk, usedPercent: z.number().meta({ example: 61.5 }) }),
});
export const walGapFound = defineEvent({
  name: 'backup.wal.gap.found',
  version: 1,
  description:
    'The repository lacks segments in the middle of the archived WAL. Moments from the gap until the end of the next backup cannot be restored.',
  data: stanza.extend({
    missing: z.object({ first: WalName, last: WalName }),
    until: Lsn.nullable().meta({
      description: 'the end of the first backup after the gap; null while there is none',
    }),
  }),
});
export const restorePointMade = defineEvent({
  name: 'backup.restore.point.made',
  version: 1,
  description: 'A restore point was created.',
  data: z.object({ clusterId: ClusterId, ...RestorePoint.shape }),
});
export const drillStarted = defineEvent({
  name: 'backup.drill.started',
  version: 1,
  description: 'A drill started: it tests restores on a separate machine. The cluster is not affected.',
  data: stanza,
});
export const drillSucceeded = defineEvent({
  name: 'backup.drill.succeeded',
  version: 1,
  description:
    'The lineage is intact in the repository, and was restored to the present and to a moment in the window.',
  data: stanza.extend({ result: DrillResult }),
});
export const drillFailed = defineEvent({
  name: 'backup.drill.failed',
  version: 1,
  description:
    'A drill did not prove that the cluster can be restored: something in the repository is damaged, the drill could not run, or it was cancelled.',
  data: stanza.extend({ cause: Cause, remedy: Remedy }),
});
