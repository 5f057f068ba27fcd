import { z } from 'zod';
import { Backup, backupLabel, BackupPage, ListBackupsQuery } from '../api/backup';
import { BackupPolicy, BackupPolicyChange, BackupRequest, DeleteBackupQuery } from '../api/backup-policy';
import { DrillList, DrillRequest } from '../api/drill';
import { Operation } from '../api/operation';
import { RecoveryWindow } from '../api/recovery-window';
import { CreateRestorePoint, RestorePointList } from '../api/restore-point';
import { ConvertWalQuery, WalPlace, WalState } from '../api/wal';
import { ClusterId } from '../ids';
import { defineEndpoint } from './define-endpoint';

const tag = 'Backups';
const params = z.strictObject({ clusterId: ClusterId });
const backupParams = params.extend({
  label: z
    .string()
    .regex(backupLabel, 'must be the label of a backup from GET /clusters/:clusterId/backups')
    .meta({ example: '20261123-120000F' }),
});
const missing = 'The cluster does not exist, or has no archive yet.';
const working = 'Another operation is working on the backups of this cluster; the problem names it.';
const unread = 'The repository cannot be read, and was not read before.';
const accepted = (description: string) =>
  ({ status: 202, description, schema: Operation, location: '/operations/{id}' }) as const;

export const getClusterBackups = defineEndpoint({
  id: 'listBackups',
  method: 'GET',
  path: '/clusters/{clusterId}/backups',
  tag,
  summary: 'List backups',
  description:
    'Lists the backups of the cluster, newest first, and the range of archived WAL, as `pgbackrest info` reports them. To get the next page, ' +
    'pass `next` as `before`.',
  params,
  query: ListBackupsQuery,
  answer: { status: 200, description: 'A page of backups.', schema: BackupPage },
  refusals: { 404: missing, 503: unread },
});

export const postBackup = defineEndpoint({
  id: 'createBackup',
  method: 'POST',
  path: '/clusters/{clusterId}/backups',
  tag,
  summary: 'Create a backup',
  description:
    'Starts a backup now, on a replica or the leader as the policy says. A backup that fails on a replica runs again on the leader. If the ' +
    'leader changes during the backup, it runs again on the new one. The backup names the member that created it. pgBackRest creates a ' +
    'full backup when a differential or incremental one has nothing to build on.',
  params,
  body: BackupRequest,
  answer: accepted('The backup has started.'),
  refusals: { 404: missing, 409: working },
});

export const getClusterBackup = defineEndpoint({
  id: 'getBackup',
  method: 'GET',
  path: '/clusters/{clusterId}/backups/{label}',
  tag,
  summary: 'Get a backup',
  description:
    'Returns the times, WAL positions, sizes and duration of a backup, the backup it depends on, and the drill that proved it.',
  params: backupParams,
  answer: { status: 200, description: 'The backup.', schema: Backup },
  refusals: { 404: 'The cluster or the backup does not exist.', 503: unread },
});

export const removeBackup = defineEndpoint({
  id: 'deleteBackup',
  method: 'DELETE',
  path: '/clusters/{clusterId}/backups/{label}',
  tag,
  summary: 'Delete a backup',
  description:
    'Deletes a backup from the repository, and the WAL that only this backup needs. If other backups depend on it, the request is refused; `cascade=true` deletes them too.',
  params: backupParams,
  query: DeleteBackupQuery,
  answer: accepted('The deletion has started.'),
  refusals: {
    404: 'The cluster or the backup does not exist.',
    409: `Other backups depend on it (the problem names them), or it is the last full backup. Or: ${working}`,
    503: unread,
  },
});

export const getPolicy = defineEndpoint({
  id: 'getBackupPolicy',
  method: 'GET',
  path: '/clusters/{clusterId}/backup-policy',
  tag,
  summary: 'Get the backup policy',
  description:
    'Returns when and on which member backups run, how long they are kept, and when drills run. By default a cluster gets a full backup every ' +
    'week, a differential one every day and an incremental one every hour, all from replicas. It keeps two full backups and fourteen days, ' +
    'and runs a drill every Saturday.',
  params,
  answer: { status: 200, description: 'The policy.', schema: BackupPolicy },
  refusals: { 404: missing },
});

export const putPolicy = defineEndpoint({
  id: 'changeBackupPolicy',
  method: 'PUT',
  path: '/clusters/{clusterId}/backup-policy',
  tag,
  summary: 'Change the backup policy',
  description:
    'Changes the fields that are present and leaves the others. A `null` schedule turns it off. A shorter retention takes effect after the next backup. `leftDays` takes effect at once, also for a deleted cluster.',
  params,
  body: BackupPolicyChange,
  answer: { status: 200, description: 'The new policy.', schema: BackupPolicy },
  refusals: { 404: missing, 422: 'A schedule or the time zone is not valid; the problem says which.' },
});

export const postDrill = defineEndpoint({
  id: 'createDrill',
  method: 'POST',
  path: '/clusters/{clusterId}/drills',
  tag,
  summary: 'Run a restore drill',
  description:
    'Proves that the cluster can be restored. Orders a machine, restores the newest backup up to the present and then a random moment in the ' +
    'window, and gives the machine back. The drill verifies every object in the repository and reads every restored page, index and table. It ' +
    'checks that rows written just before the target are there and rows written just after it are not. The cluster keeps serving, and can be ' +
    'changed meanwhile.',
  params,
  body: DrillRequest,
  answer: accepted('The drill has started.'),
  refusals: {
    404: missing,
    409: 'Another drill of this cluster is running (the problem names it), or there is no backup to restore yet.',
    422: 'The moment cannot be restored; the problem names the nearest moment that can.',
    503: unread,
  },
});

export const getDrills = defineEndpoint({
  id: 'listDrills',
  method: 'GET',
  path: '/clusters/{clusterId}/drills',
  tag,
  summary: 'List drills',
  description:
    'Lists what each drill proved, how long its restores took, and how long a restore of the whole cluster would have taken then.',
  params,
  answer: { status: 200, description: 'The drills, newest first.', schema: DrillList },
  refusals: { 404: missing },
});

export const getWindow = defineEndpoint({
  id: 'getRecoveryWindow',
  method: 'GET',
  path: '/clusters/{clusterId}/recovery-window',
  tag,
  summary: 'Get the recovery window',
  description:
    'Returns the earliest and the latest moment that the cluster can be restored to, and the gaps between them. `latest` is the last ' +
    'archived commit, or the present when nothing was written since. While archiving works, it is never older than a minute.',
  params,
  answer: { status: 200, description: 'The window.', schema: RecoveryWindow },
  refusals: { 404: missing, 503: unread },
});

export const postRestorePoint = defineEndpoint({
  id: 'createRestorePoint',
  method: 'POST',
  path: '/clusters/{clusterId}/restore-points',
  tag,
  summary: 'Create a restore point',
  description:
    "Writes a named restore point into the leader's WAL. You can restore to it once its WAL segment is archived.",
  params,
  body: CreateRestorePoint,
  answer: accepted('The restore point is being created.'),
  refusals: { 404: missing, 409: `The name is taken. Or: ${working}` },
});

export const getRestorePoints = defineEndpoint({
  id: 'listRestorePoints',
  method: 'GET',
  path: '/clusters/{clusterId}/restore-points',
  tag,
  summary: 'List restore points',
  description: 'Lists the restore points of the current lineage, newest first.',
  params,
  answer: { status: 200, description: 'The restore points.', schema: RestorePointList },
  refusals: { 404: missing },
});

export const getClusterWal = defineEndpoint({
  id: 'getWal',
  method: 'GET',
  path: '/clusters/{clusterId}/wal',
  tag,
  summary: 'Get the state of the WAL',
  description:
    'Returns what every member has written and archived, how fast WAL is written, how full its disks are, and which settings to change and why.',
  params,
  answer: { status: 200, description: 'The state of the WAL.', schema: WalState },
  refusals: { 404: missing },
});

export const getWalPlace = defineEndpoint({
  id: 'convertWal',
  method: 'GET',
  path: '/clusters/{clusterId}/wal/convert',
  tag,
  summary: 'Convert a WAL position, segment or time',
  description: 'Takes one of `lsn`, `segment` and `time`, and returns the same place as all three.',
  params,
  query: ConvertWalQuery,
  answer: { status: 200, description: 'The place.', schema: WalPlace },
  refusals: {
    404: missing,
    422: 'The place is not in the archived history; the problem says which history is.',
  },
});
