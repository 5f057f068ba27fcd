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
  description: 'The stanza exists, and a WAL segment was archived and found in the store.',
  data: stanza,
});
export const stanzaFailed = defineEvent({
  name: 'backup.stanza.failed',
  version: 1,
  description: 'The stanza could not be made, archiving to it was not proven, or it could not be removed.',
  data: stanza.extend({ cause: Cause, remedy: Remedy }),
});
export const stanzaDeleted = defineEvent({
  name: 'backup.stanza.deleted',
  version: 1,
  description: 'The stanza and every backup in it are gone from the store.',
  data: stanza,
});
export const lineageExpired = defineEvent({
  name: 'backup.lineage.expired',
  version: 1,
  description:
    'A lineage that its cluster had left was kept for as long as the policy says. Nothing can be restored from it any more, and what the store has of it is being deleted: `backup.stanza.deleted` says when that is done.',
  data: stanza.extend({
    leftAt: Instant.meta({ description: 'when the cluster left it, for another or by being deleted' }),
    operationId: OperationId.meta({ description: 'the deletion' }),
  }),
});
export const backupSucceeded = defineEvent({
  name: 'backup.succeeded',
  version: 1,
  description: 'A backup ended and stands in the store.',
  data: stanza.extend({ backup: Backup }),
});
export const backupFailed = defineEvent({
  name: 'backup.failed',
  version: 1,
  description: 'A backup did not end well; the store keeps what it had before.',
  data: stanza.extend({ type: z.enum(['full', 'diff', 'incr']), cause: Cause }),
});
export const backupMissed = defineEvent({
  name: 'backup.missed',
  version: 1,
  description:
    'A scheduled backup did not begin at its time: nobody was there to begin it, or another operation was in its place. It begins now, once, however often its time has passed.',
  data: stanza.extend({
    type: BackupKind,
    dueAt: Instant.meta({ description: 'the first time that was missed' }),
    times: z.int().positive().meta({ description: 'how many times have passed since, of any type' }),
    reason: Reason,
    operationId: OperationId.meta({ description: 'the backup that is made instead' }),
  }),
});
export const backupsDeleted = defineEvent({
  name: 'backup.deleted',
  version: 1,
  description: 'Backups were deleted on request; those that the retention removes are not told one by one.',
  data: stanza.extend({ labels: z.array(z.string()).meta({ example: ['20261123-120000F'] }) }),
});
export const archiveStalled = defineEvent({
  name: 'backup.archive.stalled',
  version: 1,
  description:
    'WAL is written and the archive does not advance: the cluster cannot be restored to what is written now, and its disk fills.',
  data: stanza.extend({
    leader: NodeName,
    since: Instant.meta({ description: 'when the archive last advanced' }),
    segment: WalName.nullable().meta({
      description: 'that PostgreSQL tries in vain to archive; null when it tries none',
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
    segment: WalName.nullable().meta({ description: 'the newest that is archived' }),
  }),
});
export const walFilling = defineEvent({
  name: 'backup.wal.filling',
  version: 1,
  description:
    'The file system with the WAL of a member is filling up. A full one stops PostgreSQL; what fills it is most often WAL that cannot be archived, or that a replica has yet to get.',
  data: stanza.extend({ node: NodeName, disk: WalDisk, usedPercent: z.number().meta({ example: 83.2 }) }),
});
export const walDrained = defineEvent({
  name: 'backup.wal.drained',
  version: 1,
  description: 'The file system with the WAL of a member has room again.',
  data: stanza.extend({ node: NodeName, disk: WalDisk, usedPercent: z.number().meta({ example: 61.5 }) }),
});
export const walGapFound = defineEvent({
  name: 'backup.wal.gap.found',
  version: 1,
  description:
    'Segments are missing in the store between others that are there: moments in them cannot be restored, until the end of the next backup.',
  data: stanza.extend({
    missing: z.object({ first: WalName, last: WalName }),
    until: Lsn.nullable().meta({
      description: 'the end of the first backup after it; null while there is none',
    }),
  }),
});
export const restorePointMade = defineEvent({
  name: 'backup.restore.point.made',
  version: 1,
  description: 'A place in the WAL got a name.',
  data: z.object({ clusterId: ClusterId, ...RestorePoint.shape }),
});
export const drillStarted = defineEvent({
  name: 'backup.drill.started',
  version: 1,
  description: 'A drill began: a restore is tried on a machine of its own. The cluster goes on as it is.',
  data: stanza,
});
export const drillSucceeded = defineEvent({
  name: 'backup.drill.succeeded',
  version: 1,
  description:
    'What the store holds of the lineage is sound, and was restored: to the present, and to a moment of the window.',
  data: stanza.extend({ result: DrillResult }),
});
export const drillFailed = defineEvent({
  name: 'backup.drill.failed',
  version: 1,
  description:
    'A drill did not prove that the cluster can be restored: something in the store is not sound, or the drill could not be done, or it was cancelled.',
  data: stanza.extend({ cause: Cause, remedy: Remedy }),
});
