import { z } from 'zod';
import { Backup, BackupPage, ListBackupsQuery } from '../api/backup';
import { BackupPolicy, BackupPolicyChange, BackupRequest } from '../api/backup-policy';
import { DrillList, DrillRequest } from '../api/drill';
import { Operation } from '../api/operation';
import { RecoveryWindow } from '../api/recovery-window';
import { CreateRestorePoint, RestorePointList } from '../api/restore-point';
import { ConvertWalQuery, WalPlace, WalState } from '../api/wal';
import { ClusterId, OperationId } from '../ids';
import { defineRequest, Idempotency } from './define-request';

const service = 'backup-service';
const byCluster = z.object({ clusterId: ClusterId });
const byLabel = byCluster.extend({ label: z.string() });
const stanza = z.object({ clusterId: ClusterId, stanza: z.string(), requestedBy: OperationId });

export const createStanza = defineRequest({
  service,
  name: 'create-stanza',
  description:
    'Starts making the stanza and proving the archive; ends with `backup.stanza.created` or `backup.stanza.failed`, correlated to `requestedBy`. Asking again for the same `requestedBy` gives the same operation, and goes on with it if it failed.',
  input: stanza,
  output: Operation,
});
export const deleteStanza = defineRequest({
  service,
  name: 'delete-stanza',
  description:
    'Starts removing the stanza with every backup; ends with `backup.stanza.deleted`. Idempotent as create-stanza is.',
  input: stanza,
  output: Operation,
});
export const takeFirstBackup = defineRequest({
  service,
  name: 'take-first-backup',
  description:
    'Starts the first full backup of a lineage, without which nothing of it can be restored; ends with `backup.succeeded` or `backup.failed`. Asking again gives the same operation, and goes on with it if it failed.',
  input: z.object({ clusterId: ClusterId, stanza: z.string() }),
  output: Operation,
});
export const listBackups = defineRequest({
  service,
  name: 'list-backups',
  description:
    'What `pgbackrest info` says of the cluster, a page of its backups. 404 for a cluster without a stanza.',
  input: byCluster.extend(ListBackupsQuery.shape),
  output: BackupPage,
});
export const getBackup = defineRequest({
  service,
  name: 'get-backup',
  description: 'One backup. 404.',
  input: byLabel,
  output: Backup,
});
export const createBackup = defineRequest({
  service,
  name: 'create-backup',
  description:
    'Starts a backup now. 404 for a cluster without a stanza; 409 while another operation works on it.',
  input: byCluster.extend({ request: BackupRequest, idempotency: Idempotency }),
  output: Operation,
});
export const deleteBackup = defineRequest({
  service,
  name: 'delete-backup',
  description:
    'Starts the deletion of a backup. 404; 409 naming those that need it unless `cascade`, and for the last full backup.',
  input: byLabel.extend({ cascade: z.boolean() }),
  output: Operation,
});
export const getBackupPolicy = defineRequest({
  service,
  name: 'get-backup-policy',
  description: 'When backups are made and how long they are kept. 404 for a cluster without a stanza.',
  input: byCluster,
  output: BackupPolicy,
});
export const changeBackupPolicy = defineRequest({
  service,
  name: 'change-backup-policy',
  description: 'Changes the policy. 404; 422 for a schedule or time zone that means nothing.',
  input: byCluster.extend({ change: BackupPolicyChange }),
  output: BackupPolicy,
});
export const createDrill = defineRequest({
  service,
  name: 'create-drill',
  description:
    'Starts a drill. 404; 409 while another one runs, and without a backup to restore; 422 for a moment that cannot be reached.',
  input: byCluster.extend({ request: DrillRequest, idempotency: Idempotency }),
  output: Operation,
});
export const listDrills = defineRequest({
  service,
  name: 'list-drills',
  description: 'The drills of a cluster, newest first. 404 for a cluster without a stanza.',
  input: byCluster,
  output: DrillList,
});
export const getRecoveryWindow = defineRequest({
  service,
  name: 'get-recovery-window',
  description:
    'Between which moments the cluster can be restored to any. 404 for a cluster without a stanza.',
  input: byCluster,
  output: RecoveryWindow,
});
export const createRestorePoint = defineRequest({
  service,
  name: 'create-restore-point',
  description: 'Starts making a restore point. 404; 409 when the name is taken.',
  input: byCluster.extend({ restorePoint: CreateRestorePoint, idempotency: Idempotency }),
  output: Operation,
});
export const listRestorePoints = defineRequest({
  service,
  name: 'list-restore-points',
  description: 'The restore points of the lineage, newest first. 404 for a cluster without a stanza.',
  input: byCluster,
  output: RestorePointList,
});
export const getWal = defineRequest({
  service,
  name: 'get-wal',
  description:
    'What every member writes, has and archives of WAL, and advice. 404 for a cluster without a stanza.',
  input: byCluster,
  output: WalState,
});
export const convertWal = defineRequest({
  service,
  name: 'convert-wal',
  description: 'A position, a segment or a time in all three ways. 404; 422 for what is not in the window.',
  input: byCluster.extend({ place: ConvertWalQuery }),
  output: WalPlace,
});
